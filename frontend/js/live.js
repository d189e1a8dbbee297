// The live page: the countdown, and what to say when the stream breaks off.
(() => {
  "use strict";

  const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

  // The same words as the server's, so that nothing jumps when it sends them anew.
  function duration(seconds) {
    const left = Math.max(Math.round(seconds), 1);
    for (let i = 0; i < UNITS.length; i++) {
      const [unit, size] = UNITS[i];
      if (left < size) continue;
      const [smaller, smallerSize] = UNITS[i + 1] ?? ["s", 1];
      const rest = Math.floor((left % size) / smallerSize);
      return `${Math.floor(left / size)} ${unit}` + (rest ? ` ${rest} ${smaller}` : "");
    }
    return `${left} s`;
  }

  function tick() {
    for (const words of document.querySelectorAll("[data-ends]")) {
      const left = (Date.parse(words.dataset.ends) - Date.now()) / 1000;
      words.textContent =
        `${words.dataset.words}, ` + (left > 0 ? `${duration(left)} left` : "deciding");
      const bar = words.parentElement.querySelector("[data-bake]");
      if (bar) bar.value = Math.min(Math.max(bar.max - left, 0), bar.max);
    }
  }

  const live = document.querySelector("[data-live]");
  if (!live) return;
  if (document.querySelector("[data-ends]") || live.hasAttribute("hx-sse:connect")) {
    setInterval(tick, 1000);
    tick();
  }

  const notice = document.getElementById("connection");
  const RETRY_MS = 1000;
  let heard = new Date();

  function lost() {
    notice.querySelector("[data-since]").textContent = heard.toISOString().slice(11, 19);
    notice.hidden = false;
  }

  live.addEventListener("htmx:sse:after:connection", () => (notice.hidden = true));
  live.addEventListener("htmx:sse:after:message", () => {
    heard = new Date();
    tick();
  });
  live.addEventListener("htmx:sse:error", (event) => {
    if ([401, 403, 404].includes(event.detail.status)) location.reload();
    else lost();
  });
  // The very first connection is a plain request to htmx, which does not repeat it.
  for (const failed of ["htmx:error", "htmx:response:error"]) {
    live.addEventListener(failed, () => {
      lost();
      setTimeout(() => live.dispatchEvent(new CustomEvent("again")), RETRY_MS);
    });
  }
})();
