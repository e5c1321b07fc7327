// One request at a time: a coarse picture at once after a change, finer ones while nothing changes.

// The first picture's size follows the machine: slower than SLOW it shrinks, faster than FAST it grows, milliseconds.
const SLOW = 300, FAST = 45;
const RETRY_MS = 1500;

export class Pictures {
  // wish(): what is wanted now. show({bitmap, sliders, size, answer}): a picture came; `answer` is how many milliseconds
  // after the change, for the first one after it. broken(line or null).
  constructor(levels, wish, show, broken) {
    Object.assign(this, { levels, wish, show, broken });
    this.viewer = crypto.getRandomValues(new Uint32Array(4)).join("-").slice(0, 40);
    this.first = Math.min(1, levels.length - 1);
    this.wanted = 0;
    this.shown = { version: -1, level: -1 };
    this.flying = null;
  }

  // Something moved: the picture on the page is out of date since `time`.
  changed(time = performance.now()) {
    this.wanted += 1;
    this.since ??= time;
    if (this.flying && this.flying.level > this.first) this.flying.stop.abort();
    this.pump();
  }

  // The place in `levels` of the picture that comes next, -1 for none: the one on the page is as it should be.
  next() {
    if (this.shown.version !== this.wanted) return this.first;
    return this.levels.findIndex((size) => size >= 2 * this.levels[this.shown.level]);
  }

  get settled() {
    return this.next() < 0;
  }

  async pump() {
    const level = this.next();
    if (this.flying || level < 0) return;
    const fresh = this.shown.version === this.wanted;
    const flying = { level, version: this.wanted, since: fresh ? null : this.since, stop: new AbortController() };
    if (!fresh) this.since = null;
    this.flying = flying;
    let pause = 0;
    try {
      await this.fetch(flying);
    } catch (error) {
      if (error.name !== "AbortError") {
        this.broken(error.line ?? "The viewer does not answer. If it was closed, start it again; this page goes on then.");
        pause = RETRY_MS;
      }
    }
    if (flying.since !== null && this.shown.version < flying.version) this.since = Math.min(this.since ?? Infinity, flying.since);
    if (pause) await new Promise((done) => setTimeout(done, pause));
    this.flying = null;
    this.pump();
  }

  async fetch({ level, version, since, stop }) {
    const size = this.levels[level];
    const response = await fetch("picture", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ viewer: this.viewer, size, ...this.wish() }),
      signal: stop.signal,
    });
    if (response.status === 204) return;
    if (!response.ok) throw Object.assign(new Error(), { line: (await response.text()).trim() });
    const bitmap = await createImageBitmap(await response.blob());
    if (stop.signal.aborted) return;
    this.broken(null);
    const took = Number(response.headers.get("X-Milliseconds"));
    if (level === this.first) {
      if (took > SLOW && this.first > 0) this.first -= 1;
      else if (took < FAST && this.first < this.levels.length - 1) this.first += 1;
    }
    this.shown = { version, level };
    this.show({ bitmap, size, since, sliders: JSON.parse(response.headers.get("X-Sliders")) });
  }
}
