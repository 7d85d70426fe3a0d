// Keeps the page of a run that goes on up to date: one small request every few seconds, whose answer
// says "nothing new" or holds the body. Only what differs is touched, so that what a person has
// opened, focused or scrolled to stays.
(() => {
  "use strict";
  const place = document.getElementById("live");
  const connection = document.getElementById("connection");
  if (!place || !location.protocol.startsWith("http")) return;

  const SLOWEST_SECONDS = 15, PATIENCE_SECONDS = 10;
  let tag = place.dataset.tag, shownAt = performance.now();
  let answeredAt = new Date(), failures = 0, timer = 0, busy = false;

  const body = () => place.firstElementChild;
  const clock = (date) => date.toLocaleTimeString([], { hour12: false });

  // As `duration` in cxr_tasks/volume/progress.py.
  const duration = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  };

  const count = () => {
    const now = Number(body().dataset.now) + (performance.now() - shownAt) / 1000;
    const say = (each, seconds) => {
      const text = duration(seconds);
      if (each.textContent !== text) each.textContent = text;
    };
    for (const each of place.querySelectorAll("[data-since]")) say(each, now - each.dataset.since);
    for (const each of place.querySelectorAll("[data-until]")) say(each, each.dataset.until - now);
  };

  const become = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.isEqualNode(fresh)) return;
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      const ofReader = name === "open" && old.nodeName === "DETAILS";
      if (!fresh.hasAttribute(name) && !ofReader) old.removeAttribute(name);
    }
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((each, at) => (at < before.length ? become(before[at], each) : old.append(each)));
    before.slice(after.length).forEach((each) => each.remove());
  };

  const isReading = () =>
    scrollY > 80 || String(getSelection()) !== "" || body().contains(document.activeElement);

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
    if (!fresh || !fresh.dataset.now) { // another page has taken this one's place
      location.reload();
      return;
    }
    const wasReady = body().dataset.ready;
    become(body(), fresh);
    shownAt = performance.now();
    count();
    document.title = body().querySelector("h1").textContent;
    // What failed is left for whoever reads it; else the report takes this page's place.
    if (!wasReady && body().dataset.ready === "calm" && !isReading()) location.reload();
  };

  const tell = (text) => {
    if (connection.textContent !== text) connection.textContent = text;
    connection.hidden = !text;
  };

  const ask = async () => {
    const answer = await fetch(place.dataset.address, {
      headers: { "If-None-Match": tag },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_SECONDS * 1000),
    });
    if (answer.status === 401 || answer.status === 403) return "Signed out: load the page anew.";
    if (answer.status === 404) return "This run is no longer there.";
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      show(await answer.text());
      tag = answer.headers.get("ETag") || "";
    }
    failures = 0;
    answeredAt = new Date();
    return "";
  };

  const look = async () => {
    clearTimeout(timer);
    if (busy || document.hidden) return; // looked at again when the page is seen again
    busy = true;
    try {
      tell(await ask());
    } catch {
      failures += 1;
      tell(`No answer since ${clock(answeredAt)}, trying again.`);
    } finally {
      busy = false;
    }
    const seconds = Number(body().dataset.every) * 2 ** Math.min(failures, 3);
    timer = setTimeout(look, Math.min(seconds, SLOWEST_SECONDS) * 1000);
  };

  document.addEventListener("visibilitychange", look);
  setInterval(count, 1000);
  timer = setTimeout(look, Number(body().dataset.every) * 1000);
})();
