// Progressive extras: the pages work without them.
"use strict";

// "/" jumps to the target box, as in the viewers astronomers know.
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.getElementById("target").focus();
  }
});

// Copy the permalink.
const copy = document.querySelector("[data-copy]");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = "Copied";
  });
}

// The panel of a job that runs is fetched anew, every two seconds while the page is looked at.
const live = () => document.querySelector("[data-live]");
async function refresh() {
  if (live().dataset.live !== "running") return;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      if (fresh) live().replaceWith(fresh);
    } catch {
      // The service may be starting again: ask once more.
    }
  }
  setTimeout(refresh, 2000);
}
if (live()) setTimeout(refresh, 2000);
