// The picture, and the mouse on it: a virtual camera goes round the head.

const DEGREES_PER_WIDTH = 200;
const FRONT = { turn: 0, lift: 0, zoom: 1, x: 0, y: 0 };

export class Stage {
  // changed(time): the view moved. reach: lowest and highest value of each of the view's numbers.
  constructor(canvas, aspect, reach, changed) {
    Object.assign(this, { canvas, aspect, reach, changed });
    this.view = { ...FRONT };
    this.pointers = new Map();
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("dblclick", (event) => this.front(event.timeStamp));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.fit()).observe(canvas.parentElement);
    this.fit();
  }

  fit() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const width = Math.min(clientWidth, clientHeight * this.aspect);
    this.canvas.style.width = `${Math.floor(width)}px`;
    this.canvas.style.height = `${Math.floor(width / this.aspect)}px`;
  }

  draw(bitmap) {
    this.canvas.width = bitmap.width;
    this.canvas.height = bitmap.height;
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
  }

  front(time) {
    this.move(FRONT, time);
  }

  move(values, time) {
    for (const [name, value] of Object.entries(values)) {
      const [low, high] = this.reach[name];
      this.view[name] = Math.min(Math.max(value, low), high);
    }
    this.changed(time);
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const width = this.canvas.clientWidth;
    const dx = (event.clientX - before[0]) / width, dy = (event.clientY - before[1]) / width;
    const apart = this.spread();
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const { view } = this;
    if (this.pointers.size > 1) {
      this.move({ zoom: view.zoom * (this.spread() / apart), x: view.x + dx / 2, y: view.y + dy / 2 }, event.timeStamp);
    } else if (event.shiftKey || event.buttons & 6) {
      this.move({ x: view.x + dx, y: view.y + dy }, event.timeStamp);
    } else {
      let turn = view.turn + dx * DEGREES_PER_WIDTH;
      turn -= 360 * Math.round(turn / 360);
      this.move({ turn, lift: view.lift + dy * DEGREES_PER_WIDTH }, event.timeStamp);
    }
  }

  // Distance of the first two pointers, px.
  spread() {
    const [a, b] = this.pointers.values();
    return b ? Math.max(Math.hypot(a[0] - b[0], a[1] - b[1]), 1) : 1;
  }

  wheel(event) {
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    const [low, high] = this.reach.zoom;
    const zoom = Math.min(Math.max(this.view.zoom * Math.exp(-step / 600), low), high);
    // What is under the mouse stays there.
    const box = this.canvas.getBoundingClientRect();
    const grown = zoom / this.view.zoom;
    const place = (at, start, shift) => {
      const off = (at - start) / box.width;
      return off - (off - shift) * grown;
    };
    const x = place(event.clientX, box.left + box.width / 2, this.view.x);
    const y = place(event.clientY, box.top + box.height / 2, this.view.y);
    this.move({ zoom, x, y }, event.timeStamp);
  }
}
