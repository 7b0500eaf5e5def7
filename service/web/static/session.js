// One galaxy after the other: a key or a button is a label, sent at once, again if the connection fails, never twice.
"use strict";

(() => {
  const page = document.querySelector("[data-session]");
  if (!page) return;
  const part = (name) => page.querySelector(`[data-${name}]`);
  const api = page.dataset.session, survey = page.dataset.survey;
  const AHEAD = 10, PAUSE = 2000;
  // What was shown, in order; each with the label that was given here, and the one that the service has. `at` is looked at.
  const shown = [];
  let at = -1, drawn = null, sending = Promise.resolve(), unsent = 0, asking = null;

  // The service -----------------------------------------------------------------------------------------------

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  async function ask(method, address, body) {
    const options = { method, headers: { accept: "application/json" } };
    if (body) {
      options.headers["content-type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    for (;;) {
      let answer = null;
      try {
        answer = await fetch(address, options);
      } catch {
        say("The service does not answer. Your labels are kept here and sent again.", true);
      }
      if (answer && answer.ok) return answer.status === 204 ? null : answer.json();
      if (answer && answer.status !== 503 && answer.status !== 429) {
        const problem = await answer.json().catch(() => ({ code: "", detail: `The service answered ${answer.status}.` }));
        throw Object.assign(new Error(problem.detail || problem.title), problem);
      }
      await wait(PAUSE);
    }
  }

  // Labels go one after the other: what is next depends on all before.
  function later(work) {
    busy(1);
    sending = sending.then(work).catch((error) => say(error.message, true)).finally(() => busy(-1));
    return sending;
  }

  function busy(change) {
    unsent += change;
    page.setAttribute("aria-busy", String(unsent > 0));
  }

  const key = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");

  // What is looked at -----------------------------------------------------------------------------------------

  async function more() {
    if (asking) return asking;
    asking = (async () => {
      await sending;
      const passed = shown.filter((one) => !one.label).length;
      const answer = await ask("GET", `${api}/next?n=${Math.min(100, AHEAD + passed)}`);
      const known = new Set(shown.map((one) => one.object.object_id));
      const fresh = answer.objects.filter((one) => !known.has(one.object_id)).slice(0, AHEAD);
      shown.push(...fresh.map((object) => ({ object, label: null, kept: null, note: "" })));
      foresee();
      return answer;
    })();
    try {
      return await asking;
    } finally {
      asking = null;
    }
  }

  async function go(to) {
    if (to < 0) return;
    keepNote();
    if (to >= shown.length) {
      if (asking) return;
      // Nothing is looked at until it comes: a key pressed meanwhile is no label of what is still on the screen.
      at = to = shown.length;
      say("Learning …");
      try {
        const answer = await more();
        say(answer.note || (to < shown.length ? "" : "There is nothing left to look at."));
        if (at === to) draw();
      } catch (error) {
        if (at === to) at -= 1;
        say(error.message, true);
      }
      return;
    }
    at = to;
    draw();
  }

  function draw() {
    const one = shown[at], figure = part("figure");
    figure.hidden = !one;
    for (const button of page.querySelectorAll("[data-score], [data-artefact]")) {
      button.disabled = !one;
      button.setAttribute("aria-pressed", String(Boolean(one && one.label && isOf(button, one.label))));
    }
    // Not what is just being typed.
    if (one !== drawn) part("note").value = one ? one.note : "";
    drawn = one;
    if (!one) return;
    const { object } = one, id = encodeURIComponent(object.object_id);
    const image = part("image");
    image.src = picture(object);
    image.alt = `Galaxy ${object.object_id}`;
    part("link").href = `/search?id=${id}&survey=${encodeURIComponent(survey)}`;
    part("name").textContent = object.object_id;
    part("facts").textContent = facts(object);
    part("audit").hidden = !object.is_audit;
    part("said").hidden = !one.label;
    part("said").textContent = one.label ? (one.label.kind === "artefact" ? "artefact" : `score ${one.label.value}`) : "";
    const next = shown[at + 1];
    if (next) new Image().src = picture(next.object);
  }

  const picture = (object) => `/api/v1/objects/${encodeURIComponent(object.object_id)}/cutout?format=png&survey=${encodeURIComponent(survey)}`;
  const isOf = (button, label) => ("score" in button.dataset ? label.kind === "score" && label.value === Number(button.dataset.score) : label.kind === "artefact");

  function facts(object) {
    const z = object.z_spec ?? object.z_phot, { cause } = object.columns;
    return [
      `expected ${object.interest.toFixed(1)} of 5`,
      `${Math.round(100 * object.probability)} % interesting`,
      z === null ? "" : `z = ${z.toFixed(3)}`,
      cause ? `cause: ${cause.replace("_", " ")}` : "",
    ].filter(Boolean).join(" · ");
  }

  function keepNote() {
    const one = shown[at];
    if (one) one.note = part("note").value.trim();
  }

  // Labels ----------------------------------------------------------------------------------------------------

  function give(kind, value) {
    const one = shown[at];
    if (!one) return;
    keepNote();
    const body = { object_id: one.object.object_id, kind, client_key: key() };
    if (kind === "score") body.value = value;
    if (one.note) body.note = one.note;
    const given = one.label = { kind, value };
    later(async () => {
      try {
        body.replaces = one.kept ? one.kept.id : null;
        const kept = (await ask("POST", `${api}/labels`, body)).labels[0];
        one.kept = { ...given, id: kept.label_id };
        await count();
      } catch (error) {
        if (error.code === "label.changed") await seen(one);
        if (one.label === given) one.label = one.kept;
        draw();
        throw error;
      }
    });
    go(at + 1);
  }

  // Another window labelled it: what holds is shown, and the next label takes its place.
  async function seen(one) {
    const query = `session=${api.split("/").pop()}&object_id=${encodeURIComponent(one.object.object_id)}`;
    const [label] = (await ask("GET", `/api/v1/labels?${query}`)).labels;
    one.kept = label ? { kind: label.kind, value: label.value, id: label.label_id } : null;
  }

  function undo() {
    let last = at < shown.length && shown[at].label ? at : at - 1;
    while (last >= 0 && !shown[last].label) last -= 1;
    if (last < 0) return say("There is nothing to undo.");
    const one = shown[last];
    later(async () => {
      if (one.kept) await ask("DELETE", `/api/v1/labels/${one.kept.id}`);
      one.kept = one.label = null;
      await count();
      draw();
      say(`The label of ${one.object.object_id} is withdrawn.`);
    });
    go(last);
  }

  // How far ---------------------------------------------------------------------------------------------------

  async function count() {
    const told = await ask("GET", api);
    part("counts").textContent = `${told.n_labels} labelled, ${told.n_interesting} interesting, ${told.n_artefacts} set aside`;
  }

  async function foresee() {
    try {
      const made = await ask("GET", `${api}/forecast`);
      part("summary").textContent = made.summary;
      chart(made);
    } catch (error) {
      part("summary").textContent = error.message;
    }
  }

  function chart(made) {
    const svg = part("forecast"), { inspected, recall, low, high } = made.curve;
    const isEarly = made.to_reach.n === null;
    svg.toggleAttribute("hidden", isEarly);
    if (isEarly) return;
    // Up to a little behind where the target is reached at the latest: the rest of a million is one flat line.
    const most = Math.max(10, Math.min(inspected[inspected.length - 1], 1.6 * made.to_reach.high));
    const x = (n) => 42 + (268 * Math.min(n, most)) / most, y = (share) => 140 - 130 * share;
    const kept = inspected.map((n, place) => place).filter((place) => place === 0 || inspected[place - 1] < most);
    const line = (values, places) => places.map((place) => `${x(inspected[place]).toFixed(1)},${y(values[place]).toFixed(1)}`).join(" ");
    const nodes = [
      element("polygon", { class: "band", points: `${line(low, kept)} ${line(high, [...kept].reverse())}` }),
      element("polyline", { class: "median", points: line(recall, kept) }),
      element("line", { class: "target", x1: 42, x2: 310, y1: y(made.to_reach.target), y2: y(made.to_reach.target) }),
      element("line", { class: "axis", x1: 42, x2: 310, y1: 140, y2: 140 }),
      ...[0, 0.5, 1].map((share) => element("text", { x: 37, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`)),
      ...[0, 0.5, 1].map((share) => element("text", { x: x(share * most), y: 154, "text-anchor": share === 1 ? "end" : "middle" }, Math.round(share * most).toLocaleString("en"))),
      element("text", { x: 172, y: 167, "text-anchor": "middle" }, "inspected from now on"),
    ];
    svg.replaceChildren(element("title", {}, `Found, against inspected. ${made.summary}`), ...nodes);
    svg.setAttribute("aria-label", made.summary);
  }

  function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key_, value] of Object.entries(attributes)) made.setAttribute(key_, value);
    if (text) made.textContent = text;
    return made;
  }

  function say(text, isBad = false) {
    part("status").textContent = text || "";
    part("status").classList.toggle("bad", isBad);
  }

  // Hands -----------------------------------------------------------------------------------------------------

  const acts = {
    a: () => give("artefact", null),
    u: undo,
    n: () => part("note").focus(),
    ArrowLeft: () => go(at - 1),
    ArrowRight: () => go(at + 1),
  };
  for (let score = 0; score <= 5; score += 1) acts[score] = () => give("score", score);

  document.addEventListener("keydown", (event) => {
    const { activeElement } = document;
    if (event.key === "Escape" && activeElement === part("note")) activeElement.blur();
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(activeElement.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
  for (const button of page.querySelectorAll("[data-score]")) button.addEventListener("click", () => give("score", Number(button.dataset.score)));
  part("artefact").addEventListener("click", acts.a);
  part("undo").addEventListener("click", undo);
  part("back").addEventListener("click", acts.ArrowLeft);
  part("on").addEventListener("click", acts.ArrowRight);
  window.addEventListener("beforeunload", (event) => { if (unsent) event.preventDefault(); });

  go(0);
})();
