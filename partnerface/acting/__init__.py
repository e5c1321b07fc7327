"""An avatar that acts: driven by somebody, or seen from new sides. Commands that stand above the stages."""
