// The upload form: files are listed, checked as soon as they are chosen, and kept whatever the service answers.
// Without this script the same form asks the same pages.
"use strict";

(() => {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const part = (name) => form.querySelector(`[data-${name}]`);
  const zone = part("drop"), input = zone.querySelector("input[type=file]"), list = part("files");
  const status = part("status"), sending = part("sending"), bar = part("progress");
  const swapped = ["answer", "fields"];
  const most = { files: Number(form.dataset.maxFiles), bytes: Number(form.dataset.maxBytes) };
  let request = null, later = 0;

  // Files -----------------------------------------------------------------------------------------------------

  const chosen = () => [...input.files];

  function choose(files) {
    const data = new DataTransfer();
    for (const file of files) data.items.add(file);
    input.files = data.files;
    changed();
  }

  function changed() {
    const files = chosen();
    stop();
    showFiles(files);
    forget(files.length === 0);
    const wrong = tooMuch(files);
    say(wrong, wrong !== "");
    // Several files may be dropped one after the other; only the last set is worth sending.
    if (files.length && !wrong) later = setTimeout(() => send(checkAddress), 250);
  }

  function showFiles(files) {
    list.hidden = files.length === 0;
    list.replaceChildren(...files.map((file, place) => {
      const item = document.createElement("li"), name = document.createElement("span");
      const size = document.createElement("span"), remove = document.createElement("button");
      name.className = "id";
      name.textContent = file.name;
      size.className = "quiet";
      size.textContent = bytes(file.size);
      remove.type = "button";
      remove.className = "plain";
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      remove.addEventListener("click", () => {
        choose(chosen().filter((_, n) => n !== place));
        (list.querySelectorAll("button")[Math.min(place, files.length - 2)] || input).focus();
      });
      item.append(name, size, remove);
      return item;
    }));
  }

  function tooMuch(files) {
    const total = files.reduce((sum, file) => sum + file.size, 0);
    if (files.length > most.files) {
      return `${files.length} files are chosen; one galaxy may have ${most.files}. Remove ${files.length - most.files}.`;
    }
    // What surrounds the files in the form takes a few kilobytes.
    if (total + 8192 > most.bytes) {
      return `The files have ${bytes(total)}; the limit is ${bytes(most.bytes)}. Send cutouts around the galaxy.`;
    }
    const empty = files.find((file) => file.size === 0);
    return empty ? `${empty.name} is empty. Remove it.` : "";
  }

  // What was understood of other files says nothing of these; what the person typed stays.
  function forget(isNothing) {
    for (const was of form.querySelectorAll("input[name^=was_]")) {
      const field = form.elements[was.name.slice(4)];
      if (field && field.value === was.value) field.value = "";
      was.remove();
    }
    if (isNothing) part("swap=answer").replaceChildren();
  }

  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.remove("over"); });
  }
  zone.addEventListener("drop", (event) => {
    const had = chosen();
    const is = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
    const added = [...event.dataTransfer.files].filter((file) => !had.some((other) => is(file, other)));
    if (added.length) choose([...had, ...added]);
  });
  input.addEventListener("change", changed);

  // Sending ---------------------------------------------------------------------------------------------------

  const checkAddress = part("check").getAttribute("formaction");

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const files = chosen(), wrong = tooMuch(files);
    if (wrong) say(wrong, true);
    else send(event.submitter && event.submitter.hasAttribute("data-find") ? form.getAttribute("action") : checkAddress);
  });
  part("cancel").addEventListener("click", () => { stop(); say("Cancelled. Your files are still here."); });

  function stop() {
    clearTimeout(later);
    const running = request;
    request = null;
    if (running) running.abort();
    busy(false);
  }

  function busy(is) {
    form.setAttribute("aria-busy", String(is));
    sending.hidden = !is;
    for (const field of form.querySelectorAll("[data-swap=fields] input, [data-swap=fields] select")) {
      if (field.type !== "hidden") field.toggleAttribute(field.tagName === "SELECT" ? "disabled" : "readonly", is);
    }
  }

  function send(address) {
    stop();
    const body = new FormData(form), started = performance.now();
    const mine = request = new XMLHttpRequest();
    const isCheck = address === checkAddress;
    mine.responseType = "document";
    mine.open("POST", address);
    mine.setRequestHeader("Accept", "text/html");
    mine.upload.addEventListener("progress", (event) => {
      if (mine !== request || !event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      const seconds = (performance.now() - started) / 1000;
      const left = seconds * (event.total / event.loaded - 1);
      const eta = seconds > 1 ? `, about ${Math.max(1, Math.round(left))} s left` : "";
      say(`${bytes(event.loaded)} of ${bytes(event.total)} sent${eta}.`);
    });
    mine.upload.addEventListener("load", () => {
      if (mine !== request) return;
      bar.removeAttribute("value");
      say(isCheck ? "Sent. Reading it …" : "Sent. Reading and searching …");
    });
    mine.addEventListener("error", () => {
      if (mine === request) finish("The files could not be sent: the connection was lost, or a file changed on disk. They are still chosen; try again.");
    });
    mine.addEventListener("load", () => {
      if (mine !== request) return;
      const page = mine.response;
      if (page && page.querySelector("[data-results]")) { finish("", false); showResults(page); }
      else if (page && page.querySelector("[data-swap=answer]")) showAnswer(page);
      else finish(`The service failed (status ${mine.status}). Your files are still chosen; try again.`);
    });
    bar.value = 0;
    busy(true);
    say("Sending …");
    mine.send(body);
  }

  function finish(text, isBad = true) {
    request = null;
    busy(false);
    say(text, isBad);
  }

  // Answers ---------------------------------------------------------------------------------------------------

  function showAnswer(page) {
    const focused = document.activeElement && form.contains(document.activeElement) ? document.activeElement.name : "";
    for (const name of swapped) {
      const fresh = page.querySelector(`[data-swap=${name}]`);
      part(`swap=${name}`).replaceChildren(...document.adoptNode(fresh).childNodes);
    }
    const refusal = part("refusal"), wrong = form.querySelector("[aria-invalid=true]");
    finish(refusal ? "" : "Read. Look at it, correct what is wrong, then search.", false);
    part("check").textContent = "Check again";
    if (wrong) wrong.focus();
    else if (focused && form.elements[focused] && form.elements[focused].focus) form.elements[focused].focus();
  }

  // Results take the place of the page; the form stays in memory with its files, and Back brings it back.
  const pieces = () => ["main", "body > footer"].map((name) => document.querySelector(name));
  const own = { nodes: pieces(), title: document.title };
  let results = null;

  function put(view) {
    pieces().forEach((old, n) => old.replaceWith(view.nodes[n]));
    document.title = view.title;
    scrollTo(0, 0);
    const heading = view.nodes[0].querySelector("h1");
    if (heading) { heading.tabIndex = -1; heading.focus({ preventScroll: true }); }
  }

  function showResults(page) {
    const nodes = ["main", "body > footer"].map((name) => document.adoptNode(page.querySelector(name)));
    results = { nodes, title: page.title };
    nodes[0].querySelector("[data-return]")?.addEventListener("click", (event) => {
      event.preventDefault();
      history.back();
    });
    history.pushState({ results: true }, "", form.getAttribute("action"));
    put(results);
  }

  addEventListener("popstate", (event) => {
    const view = event.state && event.state.results ? results : own;
    if (view && !view.nodes[0].isConnected) put(view);
  });

  // Words -----------------------------------------------------------------------------------------------------

  function say(text, isBad = false) {
    status.textContent = text;
    status.classList.toggle("bad", isBad);
  }

  function bytes(n) {
    if (n < 1024) return `${n} B`;
    return n < 1 << 20 ? `${Math.round(n / 1024)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`;
  }

  // A browser that comes back to the page may still hold its files.
  showFiles(chosen());
})();
