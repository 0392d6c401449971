"use strict";
// Answers the page of a service that asks whether the sign-on it knows still lasts.  The mark is compared, never told.
(() => {
  const mark = () => (document.cookie.match(/(?:^|; )(?:__Host-)?identity-state=([0-9a-f]{64})(?:;|$)/) || ["", ""])[1];
  const hex = buffer => [...new Uint8Array(buffer)].map(byte => byte.toString(16).padStart(2, "0")).join("");
  const answer = async (origin, message) => {
    const parts = /^(\S+) ([0-9a-f]{64})\.([A-Za-z0-9_-]+)$/.exec(typeof message === "string" ? message : "");
    if (!parts || !self.crypto?.subtle) return "error";
    const [, client, known, salt] = parts;
    const now = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${client} ${origin} ${mark()} ${salt}`));
    return hex(now) === known ? "unchanged" : "changed";
  };
  addEventListener("message", async event => {
    if (event.source === window || !event.source || event.origin === "null") return;
    event.source.postMessage(await answer(event.origin, event.data), event.origin);
  });
})();
