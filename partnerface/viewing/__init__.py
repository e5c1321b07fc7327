"""`partnerface view`: an avatar in the browser, to be looked at from all sides and moved by sliders."""
