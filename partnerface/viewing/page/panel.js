// Sliders, and the list of parts.

const SHOWN = 7; // rows of a group before "more"

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// A slider's value in words: no -0, and a minus sign as wide as a digit.
function said(value, { step, unit }) {
  const digits = value.toFixed(step < 0.1 ? 2 : 0);
  return (Number(digits) === 0 ? digits.replace("-", "") : digits.replace("-", "−")) + unit;
}

// The sliders of the face. `changes` holds those that were moved, by key; the others follow the frame.
export class Face {
  constructor(root, controls, linked, changed) {
    Object.assign(this, { controls, linked, changed, changes: {}, rows: [] });
    const stems = new Map();
    for (const control of controls) {
      if (!stems.has(control.stem)) stems.set(control.stem, []);
      stems.get(control.stem).push(control);
    }
    const groups = new Map();
    for (const pair of stems.values()) {
      pair.sort((a, b) => (b.side ?? "").localeCompare(a.side ?? "")); // the subject's right is to the left of the picture
      if (!groups.has(pair[0].group)) groups.set(pair[0].group, []);
      groups.get(pair[0].group).push(pair);
    }
    [...groups].forEach(([title, pairs], number) => root.append(this.group(title, pairs, number < 3)));
    linked.addEventListener("change", () => this.link());
    this.link();
    this.show(controls.map((control) => control.neutral));
  }

  group(title, pairs, open) {
    const made = element("details", { open }, element("summary", {}, title));
    pairs.forEach((pair, number) => {
      const row = this.row(pair);
      row.classList.toggle("extra", number >= SHOWN);
      made.append(row);
    });
    if (pairs.length > SHOWN) {
      const more = element("button", { className: "more" }, `${pairs.length - SHOWN} more`);
      more.addEventListener("click", () => {
        more.textContent = made.classList.toggle("all") ? "fewer" : `${pairs.length - SHOWN} more`;
      });
      made.append(more);
    }
    return made;
  }

  row(pair) {
    const label = element("span", { className: "label", title: [pair[0].key, pair[0].hint].filter(Boolean).join("; ") });
    label.textContent = pair[0].label;
    const made = element("div", { className: pair.length > 1 ? "row pair" : "row" }, label);
    const sliders = pair.map((control) => {
      const side = control.side ? `, ${control.side}` : "";
      const slider = element("input", { type: "range", className: "slider", min: control.low, max: control.high });
      slider.step = control.step;
      slider.id = `slider-${control.key}`;
      slider.setAttribute("aria-label", control.label + side);
      const share = (value) => `${(100 * (value - control.low)) / (control.high - control.low)}%`;
      slider.style.setProperty("--from", share(control.seen[0]));
      slider.style.setProperty("--to", share(control.seen[1]));
      slider.addEventListener("input", (event) => this.set(pair, control, Number(slider.value), event.timeStamp));
      slider.addEventListener("dblclick", (event) => this.set(pair, control, null, event.timeStamp));
      made.append(slider);
      return slider;
    });
    const value = element("output");
    made.append(value);
    this.rows.push({ made, pair, sliders, value });
    return made;
  }

  // A slider of a pair was moved to a value, or set back by null.
  set(pair, control, value, time) {
    for (const one of this.linked.checked ? pair : [control]) {
      if (value === null) delete this.changes[one.key];
      else this.changes[one.key] = value;
    }
    this.show(this.stands);
    this.changed(time);
  }

  clear() {
    this.changes = {};
    this.show(this.stands);
  }

  link() {
    for (const { made, pair, sliders } of this.rows) {
      made.classList.toggle("joined", this.linked.checked && pair.length > 1);
      sliders.slice(1).forEach((slider) => { slider.hidden = this.linked.checked; });
      pair.forEach(({ side }, number) => { sliders[number].title = side && !this.linked.checked ? `the subject's ${side}` : ""; });
    }
    if (this.stands) this.show(this.stands);
  }

  // Sliders that were not moved stand where the frame has them.
  show(stands) {
    this.stands = stands;
    const at = new Map(this.controls.map((control, number) => [control.key, stands[number]]));
    for (const { made, pair, sliders, value } of this.rows) {
      const numbers = pair.map((control) => this.changes[control.key] ?? at.get(control.key));
      const joined = this.linked.checked && pair.length > 1;
      const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
      sliders.forEach((slider, number) => { slider.value = joined ? mean : numbers[number]; });
      value.textContent = (joined ? [mean] : numbers).map((number) => said(number, pair[0])).join("  ");
      made.classList.toggle("moved", pair.some((control) => control.key in this.changes));
    }
  }
}

// The parts of the deformation: which are switched off.
export class Parts {
  constructor(list, parts, changed) {
    Object.assign(this, { changed, muted: new Set(), boxes: [] });
    const most = Math.max(...parts.map((part) => part.share), 1e-6);
    parts.forEach(({ colour, share }, number) => {
      const swatch = element("button", { className: "swatch", title: `part ${number + 1} alone` });
      swatch.style.backgroundColor = `rgb(${colour.join(",")})`;
      swatch.setAttribute("aria-label", `part ${number + 1} alone`);
      const box = element("input", { type: "checkbox", checked: true, id: `part-${number}` });
      const bar = element("i");
      bar.style.width = `${(100 * share) / most}%`;
      bar.style.backgroundColor = `rgb(${colour.join(",")})`;
      const label = element("label", { htmlFor: box.id }, box, element("span", {}, `Part ${number + 1}`));
      list.append(element("li", {}, swatch, label, element("span", { className: "share" }, bar),
        element("output", {}, `${(100 * share).toFixed(share < 0.095 ? 1 : 0)} %`)));
      box.addEventListener("change", (event) => {
        this.mute(parts.keys().filter((other) => other === number ? !box.checked : this.muted.has(other)), event.timeStamp);
      });
      swatch.addEventListener("click", (event) => {
        const alone = !this.muted.has(number) && this.muted.size === parts.length - 1;
        this.mute(alone ? [] : parts.keys().filter((other) => other !== number), event.timeStamp);
      });
      this.boxes.push(box);
    });
  }

  mute(numbers, time) {
    this.muted = new Set(numbers);
    this.boxes.forEach((box, number) => { box.checked = !this.muted.has(number); });
    this.changed(time);
  }
}
