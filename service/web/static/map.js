// The map: points on a canvas, coloured by a column; a click shows a galaxy, a box lists what lies inside.
"use strict";

(() => {
  const frame = document.querySelector("[data-map]");
  if (!frame) return;
  const part = (name) => frame.querySelector(`[data-${name}]`);
  const canvas = part("canvas"), pen = canvas.getContext("2d"), colour = part("colour");
  // Okabe & Ito 2008, and matplotlib's cividis at nine places: told apart by all kinds of eyes.
  const WORDS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
  const NUMBERS = [[0, 34, 78], [24, 57, 109], [66, 80, 108], [97, 104, 112], [125, 124, 120], [157, 148, 119], [192, 174, 109], [227, 203, 86], [254, 232, 56]];
  const REST = "#8d95a8", MOST = 20000, SHOWN = 12, PAD = 14, NEAR = 12;
  let points = null, view = null, box = null, start = null, marked = -1;

  // What is asked -----------------------------------------------------------------------------------------------

  const say = (text, bad = false) => { part("status").textContent = text; part("status").classList.toggle("bad", bad); };

  async function ask(more) {
    const answer = await fetch(`${frame.dataset.map}&${more}`);
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    return told;
  }

  async function load() {
    const name = colour.value;
    try {
      const told = await ask(`limit=${MOST}&columns=${encodeURIComponent(name)}`);
      if (name !== colour.value) return;
      points = { ...told.points, shade: told.points[name] };
      view ??= whole();
      say(told.n < told.n_total ? `${told.n.toLocaleString()} of ${told.n_total.toLocaleString()} galaxies, drawn at random` : `${told.n.toLocaleString()} galaxies`);
      paint();
    } catch (error) {
      say(`The map cannot be read: ${error.message}`, true);
    }
  }

  function whole() {
    const span = (values) => values.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
    const [x0, x1] = span(points.x), [y0, y1] = span(points.y);
    return { x0, x1, y0, y1 };
  }

  // Places on the map and on the canvas ---------------------------------------------------------------------------

  function scale() {
    const width = canvas.clientWidth - 2 * PAD, height = canvas.clientHeight - 2 * PAD;
    const each = Math.min(width / Math.max(view.x1 - view.x0, 1e-9), height / Math.max(view.y1 - view.y0, 1e-9));
    return { each, left: PAD + (width - each * (view.x1 - view.x0)) / 2, top: PAD + (height - each * (view.y1 - view.y0)) / 2 };
  }
  const place = (at, n) => [at.left + (points.x[n] - view.x0) * at.each, at.top + (view.y1 - points.y[n]) * at.each];
  const back = (at, [left, top]) => [view.x0 + (left - at.left) / at.each, view.y1 - (top - at.top) / at.each];

  function nearest(spot) {
    const at = scale();
    let best = -1, least = NEAR * NEAR;
    for (let n = 0; n < points.x.length; n++) {
      const [left, top] = place(at, n), far = (left - spot[0]) ** 2 + (top - spot[1]) ** 2;
      if (far < least) [best, least] = [n, far];
    }
    return best;
  }

  // Colours ------------------------------------------------------------------------------------------------------

  function mix(share) {
    const at = Math.min(Math.max(share, 0), 1) * (NUMBERS.length - 1), low = Math.min(Math.floor(at), NUMBERS.length - 2);
    return `rgb(${NUMBERS[low].map((one, n) => Math.round(one + (at - low) * (NUMBERS[low + 1][n] - one))).join()})`;
  }

  function shades() {
    const known = points.shade.filter((one) => one !== null);
    if (colour.value !== "cluster" && known.every((one) => typeof one === "number") && known.length) {
      const sorted = Float64Array.from(known).sort(), at = (share) => sorted[Math.round(share * (sorted.length - 1))];
      const low = at(0.01), high = at(0.99), span = high - low || 1;
      return { of: (one) => (one === null ? REST : mix((one - low) / span)), low, high };
    }
    const counts = new Map();
    for (const one of known) counts.set(one, (counts.get(one) ?? 0) + 1);
    const words = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
    if (colour.value === "cluster") return { of: (one) => (one === null ? REST : WORDS[one % WORDS.length]), numbered: words };
    const shown = words.slice(0, WORDS.length), of = (one) => WORDS[shown.indexOf(one)] ?? REST;
    return { of, words: shown, rest: words.length > shown.length };
  }

  // Drawing ------------------------------------------------------------------------------------------------------

  function paint() {
    if (!points) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const at = scale(), shade = shades(), radius = points.x.length > 8000 ? 1.3 : 2.1;
    for (let n = 0; n < points.x.length; n++) {
      const [left, top] = place(at, n);
      pen.fillStyle = shade.of(points.shade[n]);
      pen.beginPath();
      pen.arc(left, top, radius, 0, 7);
      pen.fill();
    }
    const ink = getComputedStyle(canvas).color;
    if (shade.numbered) number(at, shade.numbered, ink);
    if (marked >= 0) ring(place(at, marked), ink);
    if (box) {
      pen.strokeStyle = ink;
      pen.setLineDash([5, 4]);
      const [left, top] = [at.left + (box.x0 - view.x0) * at.each, at.top + (view.y1 - box.y1) * at.each];
      pen.strokeRect(left, top, (box.x1 - box.x0) * at.each, (box.y1 - box.y0) * at.each);
      pen.setLineDash([]);
    }
    legend(shade);
  }

  function ring([left, top], ink) {
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(left, top, 7, 0, 7);
    pen.stroke();
    pen.lineWidth = 1;
  }

  // There are more clusters than colours: each has its number in its middle.
  function number(at, numbers, ink) {
    const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    pen.font = "600 12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.lineWidth = 3;
    pen.strokeStyle = getComputedStyle(canvas).backgroundColor;
    for (const one of numbers) {
      const own = [...points.shade.keys()].filter((n) => points.shade[n] === one).map((n) => place(at, n));
      const spot = [middle(own.map(([left]) => left)), middle(own.map(([, top]) => top)) + 4];
      pen.strokeText(one, ...spot);
      pen.fillStyle = ink;
      pen.fillText(one, ...spot);
    }
    pen.lineWidth = 1;
  }

  function legend(shade) {
    const made = (tag, text = "") => Object.assign(document.createElement(tag), { textContent: text });
    if (shade.words) {
      const names = shade.rest ? [...shade.words, "others"] : shade.words;
      part("legend").replaceChildren(...names.map((word) => {
        const entry = made("span"), dot = made("i");
        dot.style.background = shade.rest && word === "others" ? REST : shade.of(word);
        entry.append(dot, String(word).replaceAll("_", " "));
        return entry;
      }));
    } else if (shade.low !== undefined) {
      const bar = made("i");
      bar.className = "ramp";
      bar.style.background = `linear-gradient(90deg, ${NUMBERS.map((one) => `rgb(${one})`).join()})`;
      const show = (one) => Number(one.toPrecision(3)).toString();
      part("legend").replaceChildren(made("span", show(shade.low)), bar, made("span", show(shade.high)));
    } else part("legend").replaceChildren();
  }

  // What was chosen ----------------------------------------------------------------------------------------------

  const card = (id, caption) => {
    const item = document.createElement("li"), figure = document.createElement("figure"), link = document.createElement("a");
    const name = encodeURIComponent(id), survey = encodeURIComponent(frame.dataset.survey);
    link.className = "picture";
    link.href = `/search?id=${name}&survey=${survey}&release=${encodeURIComponent(frame.dataset.release)}`;
    const image = Object.assign(new Image(96, 96), { src: `/api/v1/objects/${name}/thumbnail.webp?survey=${survey}`, alt: `Galaxy ${id}`, loading: "lazy" });
    link.append(image);
    const words = document.createElement("figcaption");
    for (const line of [id, caption]) words.append(Object.assign(document.createElement("div"), { textContent: line, className: "id" }));
    figure.append(link, words);
    item.append(figure);
    return item;
  };

  const value = (one) => (one === null || one === undefined ? "" : `${colour.value} ${typeof one === "number" ? Number(one.toPrecision(4)) : one}`);

  function show(n) {
    marked = n;
    box = null;
    part("zoom").hidden = part("downloads").hidden = true;
    part("help").hidden = true;
    part("heading").textContent = points.object_id[n];
    part("chosen").replaceChildren(card(points.object_id[n], value(points.shade[n])));
    paint();
  }

  async function list() {
    marked = -1;
    const where = `where=map_x:${box.x0.toFixed(4)}..${box.x1.toFixed(4)}&where=map_y:${box.y0.toFixed(4)}..${box.y1.toFixed(4)}`;
    const asked = box;
    try {
      const told = await ask(`limit=${SHOWN}&columns=${encodeURIComponent(colour.value)}&${where}`);
      if (asked !== box) return;
      part("heading").textContent = `${told.n_total.toLocaleString()} galaxies in the box`;
      part("help").hidden = told.n_total <= SHOWN;
      part("help").textContent = `${SHOWN} of them, drawn at random:`;
      const { object_id: ids, [colour.value]: shade } = told.points;
      part("chosen").replaceChildren(...ids.map((id, n) => card(id, value(shade[n]))));
      part("downloads").hidden = told.n_total === 0;
      for (const link of part("downloads").querySelectorAll("a")) link.href = `${frame.dataset.map}&${where}&format=${link.dataset.format}`;
    } catch (error) {
      say(error.message, true);
    }
  }

  // Hands --------------------------------------------------------------------------------------------------------

  const spot = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("pointerdown", (event) => {
    if (!points || event.button !== 0) return;
    start = spot(event);
    // A finger scrolls the page.
    if (event.pointerType !== "touch") canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!points) return;
    if (!start) {
      canvas.style.cursor = nearest(spot(event)) >= 0 ? "pointer" : "crosshair";
    } else if (event.pointerType !== "touch" && Math.hypot(spot(event)[0] - start[0], spot(event)[1] - start[1]) > 4) {
      const at = scale(), [a, b] = [back(at, start), back(at, spot(event))];
      box = { x0: Math.min(a[0], b[0]), x1: Math.max(a[0], b[0]), y0: Math.min(a[1], b[1]), y1: Math.max(a[1], b[1]), fresh: true };
      paint();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!start) return;
    start = null;
    if (box?.fresh) {
      box.fresh = false;
      part("zoom").hidden = false;
      list();
    } else if (nearest(spot(event)) >= 0) show(nearest(spot(event)));
  });
  canvas.addEventListener("pointercancel", () => { start = null; });
  part("zoom").addEventListener("click", () => {
    view = { ...box };
    box = null;
    part("zoom").hidden = true;
    part("whole").hidden = false;
    paint();
  });
  part("whole").addEventListener("click", () => {
    view = whole();
    part("whole").hidden = true;
    paint();
  });
  colour.addEventListener("change", () => {
    const address = new URL(location);
    address.searchParams.set("colour", colour.value);
    history.replaceState(null, "", address);
    load();
  });
  addEventListener("resize", paint);
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", paint);
  load();
})();
