// What every page does: the token on writes, the dialog, local times, the network's state.
(() => {
  "use strict";

  const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

  document.addEventListener("htmx:config:request", (event) => {
    const request = event.detail.ctx.request;
    if (csrf && !["GET", "HEAD"].includes(request.method.toUpperCase())) {
      request.headers["X-CSRF-Token"] = csrf;
    }
  });

  // A link with data-dialog shows its page's form in a dialog; without JavaScript it is a page.
  const dialog = document.getElementById("dialog");

  async function open(link) {
    await htmx.ajax("GET", link.href, { target: "#dialog", swap: "innerHTML" });
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[autofocus], textarea, input:not([type=hidden])")?.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && dialog && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      open(link);
    } else if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) {
      if (dialog.open) event.preventDefault();
      dialog.close();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A form that was sent is not sent twice by an impatient finger.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) event.preventDefault();
    else if (form.method === "post" && !form.matches("[hx-post]")) form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  document.addEventListener("change", (event) => {
    event.target.closest("form[data-submit-on-change]")?.requestSubmit();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const label = button.querySelector("[data-label]") ?? button;
    const before = label.textContent;
    label.textContent = "Copied";
    setTimeout(() => (label.textContent = before), 2000);
  });

  // Times are written in UTC, as in every record; the reader's own time is the tip.
  document.addEventListener("mouseover", (event) => {
    const time = event.target.closest?.("time[datetime]");
    if (time && !time.title) time.title = new Date(time.dateTime).toLocaleString();
  });
})();
