"use strict";
// The review app: rows come as escaped parts of a page, keys give verdicts, each is on disk before the next row shows.
(() => {
  const app = document.getElementById("app");
  const total = Number(app.dataset.total);
  const csrf = document.querySelector('meta[name="csrf"]').content;
  const element = (id) => document.getElementById(id);
  const places = [...element("queue").children];
  const rows = new Map(); // rows read ahead, by place
  let place = Number(app.dataset.first);
  let row = null; // the row on the page; null while it is read
  let marked = new Set();
  let choosing = false; // whether a reason is awaited
  let busy = Promise.resolve(); // verdicts are sent one after the other

  const say = (text) => { element("message").textContent = text; };

  const read = (number) => {
    if (!rows.has(number)) {
      const reading = fetch(`/review/row/${number}`).then((answer) => {
        if (!answer.ok) throw new Error(`row ${number + 1} cannot be read (${answer.status})`);
        return answer.json();
      });
      rows.set(number, reading);
      reading.catch(() => rows.delete(number));
    }
    return rows.get(number);
  };

  const choose = (on) => {
    choosing = on;
    element("reasons").classList.toggle("open", on);
  };

  const showMarks = () => {
    for (const one of element("row").querySelectorAll("[data-number]")) {
      one.classList.toggle("relevant", marked.has(one.dataset.doc));
    }
  };

  const show = async (number) => {
    place = Math.min(Math.max(number, 0), total - 1);
    const wanted = place;
    row = null;
    choose(false);
    try {
      const found = await read(wanted);
      if (wanted !== place) return;
      row = found;
      element("row").innerHTML = found.html; // made by the server, which escapes every value
      marked = new Set(found.own ? found.own.relevant : []);
      element("note").value = found.own ? found.own.note : "";
      showMarks();
      for (const one of places) one.classList.toggle("current", Number(one.dataset.place) === place);
      places[place].scrollIntoView({ block: "nearest" });
      element("row").dataset.place = String(place);
      for (const next of [place + 1, place + 2]) if (next < total) read(next).catch(() => {});
      for (const kept of rows.keys()) if (Math.abs(kept - place) > 5) rows.delete(kept);
    } catch (error) {
      say(error.message);
    }
  };

  const send = async (path, body) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf },
      body: JSON.stringify(body),
    });
    const told = await answer.json().catch(() => ({ error: `not written (${answer.status})` }));
    if (!answer.ok) throw new Error(told.error || `not written (${answer.status})`);
    element("reviewed").textContent = String(told.reviewed);
    element("done").value = told.reviewed;
    element("agreement").textContent = told.agreement || "said after your verdict";
    element("conflicts").textContent = String(told.conflicts);
    if (told.place !== null) {
      places[told.place].className = told.verdict;
      rows.delete(told.place);
    }
    say("");
    return told;
  };

  const queued = (work) => {
    busy = busy.then(work).catch((error) => say(error.message));
    return busy;
  };

  const judge = (verdict, reasons) => {
    if (row === null) return;
    const own = place;
    const body = {
      place: own, verdict, reasons, relevant: [...marked], note: element("note").value, seen: row.seen,
    };
    row = null; // a second key waits for the next row
    queued(async () => {
      try {
        await send("/review/verdict", body);
      } catch (error) {
        await show(own);
        throw error;
      }
      await show(own + 1 < total ? own + 1 : own);
    });
  };

  const mark = (number) => {
    const id = row && row.negatives[number - 1];
    if (!id) return;
    if (marked.has(id)) marked.delete(id); else marked.add(id);
    showMarks();
  };

  const keys = {
    a: () => judge("accept", []),
    s: () => judge("unsure", []),
    r: () => choose(true),
    j: () => show(place + 1),
    k: () => show(place - 1),
    n: () => element("note").focus(),
    z: () => app.classList.toggle("zoomed"),
    u: () => queued(async () => {
      const told = await send("/review/undo", {});
      if (told.place === null) say("nothing to undo"); else await show(told.place);
    }),
    "?": () => { element("help").hidden = !element("help").hidden; },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === element("note")) {
      if (event.key === "Escape") element("note").blur();
      return;
    }
    if (event.key === "Escape") {
      element("help").hidden = true;
      choose(false);
      return;
    }
    if (choosing) {
      const reason = element("reasons").querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (reason) {
        event.preventDefault();
        judge("reject", [reason.dataset.reason]);
        choose(false);
      }
      return;
    }
    const action = /^[1-9]$/.test(event.key) ? () => mark(Number(event.key)) : keys[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
  element("queue").addEventListener("click", (event) => {
    if (event.target.dataset.place) show(Number(event.target.dataset.place));
  });
  element("reasons").addEventListener("click", (event) => {
    const reason = event.target.closest("[data-reason]");
    if (reason) judge("reject", [reason.dataset.reason]);
  });
  show(place);
})();
