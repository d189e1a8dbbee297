// A one-time link is /sign-in#CODE: what stands behind # never reaches a server's log.
(() => {
  "use strict";

  const form = document.getElementById("sign-in-link");
  if (!form) return;

  function follow() {
    const code = location.hash.slice(1);
    if (!code) return;
    history.replaceState(null, "", location.pathname + location.search);
    document.getElementById("link-notice").hidden = false;
    form.elements.code.value = code;
    form.requestSubmit();
  }

  addEventListener("hashchange", follow);
  follow();
})();
