"use strict";
// Passkeys, the work of the robot check, and passwords that may be seen.  Without this script every page still works.
(() => {
  const decode = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0)).buffer;
  const encode = buffer =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const list = known => (known || []).map(one => ({ ...one, id: decode(one.id) }));

  const answer = credential => {
    const given = credential.response;
    const response = { clientDataJSON: encode(given.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (given[name]) response[name] = encode(given[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: encode(credential.rawId), type: credential.type, response, clientExtensionResults: {} });
  };

  const start = async form => {
    const options = JSON.parse(form.dataset.passkey);
    options.challenge = decode(options.challenge);
    options.allowCredentials = list(options.allowCredentials);
    options.excludeCredentials = list(options.excludeCredentials);
    const makes = Boolean(options.user);
    if (makes) options.user.id = decode(options.user.id);
    const button = form.querySelector("button");
    const failed = document.getElementById(form.dataset.failed);
    let waiting = null;
    const send = credential => {
      form.elements.credential.value = answer(credential);
      form.submit();
    };
    form.addEventListener("submit", async event => {
      event.preventDefault();
      if (waiting) waiting.abort();
      try {
        send(await (makes ? navigator.credentials.create({ publicKey: options }) : navigator.credentials.get({ publicKey: options })));
      } catch (error) {
        if (failed) failed.hidden = false;
      }
    });
    form.hidden = false;
    button.disabled = false;
    const field = document.getElementById(form.dataset.field || "");
    if (!field || !PublicKeyCredential.isConditionalMediationAvailable || !(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    field.addEventListener("focus", () => { field.autocomplete = "username webauthn"; }, { once: true });
    waiting = new AbortController();
    try {
      send(await navigator.credentials.get({ publicKey: options, mediation: "conditional", signal: waiting.signal }));
    } catch (error) {
      // The person chose another way.
    }
  };

  const work = async field => {
    const bits = Number(field.dataset.bits);
    const text = new TextEncoder();
    for (let number = 0; ; number++) {
      const digest = new DataView(await crypto.subtle.digest("SHA-256", text.encode(`${field.dataset.ticket}:${number}`)));
      if (digest.getUint32(0) >>> (32 - bits) === 0) {
        field.value = String(number);
        return;
      }
    }
  };

  const shows = row => {
    const field = document.getElementById(row.dataset.shows);
    const box = row.querySelector("input");
    const show = () => { field.type = box.checked ? "text" : "password"; };
    box.addEventListener("change", show);
    field.form.addEventListener("submit", () => { field.type = "password"; });
    row.hidden = false;
  };

  document.querySelectorAll("[data-shows]").forEach(shows);
  if (window.PublicKeyCredential) document.querySelectorAll("form[data-passkey]").forEach(start);
  if (window.crypto && crypto.subtle) document.querySelectorAll("input[data-ticket]").forEach(work);
})();
