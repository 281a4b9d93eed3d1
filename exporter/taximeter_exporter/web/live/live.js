"use strict";
(() => {
  const ASK_MS = 2000;        // as often as a run renews its lease
  const HIDDEN_ASK_MS = 15000;
  const STALE_MS = 10000;     // after so long without an answer nothing ticks: the figures are not known any more
  const SHARES = ["active", "idle", "unattributed", "gap"];
  const MEANING = { active: "runs", idle: "idle", unattributed: "in use, by nobody known", gap: "exporter was down" };

  const at = (id) => document.getElementById(id);
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  const draw = (name, attributes, ...children) => {
    const element = document.createElementNS("http:" + "//www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  // Money. It ticks between two answers at the rate of the last one, and never runs backwards for a run's sake.
  const digits = (amount) => (Math.abs(amount) >= 1000 ? 2 : Math.abs(amount) >= 1 ? 3 : 5);
  const number = (value, places) => value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
  let ticking = [];
  const shown = new Map();    // what was shown last, by what it is and its currency

  const money = (amounts, { rates = {}, key = "", places } = {}) => {
    const element = make("span", "money");
    const currencies = Object.keys(amounts);
    if (!currencies.length) return make("span", "dim", "no price");
    currencies.forEach((currency, place) => {
      const text = document.createTextNode("");
      const entry = {
        text, key: key + " " + currency, amount: Number(amounts[currency]), places,
        perMs: Number(rates[currency] || 0) / 3600000,
      };
      element.append(...(place ? [" + "] : []), text, make("small", "", " " + currency));
      ticking.push(entry);
      paint(entry, 0);
    });
    return element;
  };
  const paint = (entry, elapsed) => {
    let value = entry.amount + entry.perMs * elapsed;
    const before = shown.get(entry.key);
    // The exporter books a leased device up to the run's last renewal, so an answer can lie a little behind.
    if (entry.perMs && before > value && before - value < entry.perMs * 5000) value = before;
    if (entry.perMs) shown.set(entry.key, value);
    const text = number(value, entry.places ?? digits(value));
    if (entry.text.data !== text) entry.text.data = text;
  };

  // Time.
  const since = (start, end) => {
    const seconds = Math.max(0, Math.round((end - start) / 1000));
    const parts = [[Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
    const first = parts.findIndex(([count]) => count);
    return first < 0 ? "0 s" : parts.slice(first, first + 2).map(([count, unit]) => count + " " + unit).join(" ");
  };
  const clock = (moment) => moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const day = (text, timeZone) => new Date(text).toLocaleDateString([], { day: "numeric", month: "short", timeZone });
  const percent = (ratio) => Math.round(ratio * 100) + "%";

  const bar = (ratio, severity, mark) => {
    const fill = make("i");
    fill.style.width = Math.min(1, ratio) * 100 + "%";
    const element = make("div", "bar " + (severity || ""), fill);
    if (mark !== undefined) {
      const forecast = make("b", mark > 1 ? "over" : "");
      forecast.style.left = "calc(" + Math.min(1, mark) * 100 + "% - 4px)";
      element.append(forecast);
    }
    return element;
  };
  const fill = (id, children, empty) => at(id).replaceChildren(...(children.length ? children : [make("p", "empty", empty)]));

  const run = (it, now) => {
    const active = it.state === "active";
    const who = [it.project, it.team, it.user, it.model, it.dataset].filter(Boolean).join(" · ");
    const far = [["epoch", (value) => "epoch " + value], ["step", (value) => "step " + number(value, 0)],
      ["loss", (value) => "loss " + value.toPrecision(3)], ["accuracy", (value) => "accuracy " + number(value * 100, 1) + "%"]]
      .filter(([key]) => it.progress[key] !== undefined).map(([key, show]) => show(it.progress[key])).join(" · ");
    const state = active ? "running for " + since(new Date(it.started_at), now)
      : it.result + " after " + since(new Date(it.started_at), new Date(it.ended_at));
    const rate = active ? make("span", "dim", money(it.cost_per_hour, { places: 2 }), " per hour") : make("span", "dim", it.settled ? "settled" : "not settled yet");
    const element = make("article", "row" + (active ? "" : " ended"),
      make("div", "name", it.run), make("div", "amount", money(it.cost, { rates: it.cost_per_hour, key: "run " + it.run })),
      make("div", "dim", who), make("div", "right", rate),
      make("div", "dim", [state, far].filter(Boolean).join(" · ")));
    element.dataset.run = it.run;
    return element;
  };

  const budget = (it) => {
    const part = Number(it.spent) / Number(it.limit);
    const forecast = it.forecast === null ? undefined : Number(it.forecast) / Number(it.limit);
    const severity = part >= 1 ? "critical" : part >= 0.8 ? "warning" : "";
    const word = part >= 1 ? "over the limit" : forecast > 1 ? "will be over" : part >= 0.8 ? "nearly spent" : "within";
    const until = it.period_end === null ? "" : " by " + day(it.period_end, it.timezone);
    const what = it.run ? "run " + it.run : "this " + it.period + ", " + it.timezone;
    const scope = Object.entries(it.scope).map(([key, value]) => key + " " + value).join(", ") || "the whole machine";
    const limit = number(Number(it.limit), 2) + " " + it.currency;
    const element = make("article", "row",
      make("div", "name", it.budget), make("div", "right", number(Number(it.spent), 2) + " of " + limit),
      bar(part, severity, forecast), make("div", "dim", scope + " · " + what),
      make("div", "dim right" + (part >= 0.8 || forecast > 1 ? " alarm" : ""), percent(part) + ", " + word + (forecast === undefined ? "" : " · forecast " + number(Number(it.forecast), 2) + until)));
    element.dataset.budget = it.budget;
    return element;
  };

  const device = (it) => {
    const name = (it.kind === "host" ? "host" : "GPU " + it.index) + (it.mig_profile ? " · " + it.mig_profile : "");
    const element = make("article", "tile" + (it.up ? "" : " down"),
      make("div", "head", make("span", "name", name), make("span", "dim", Object.keys(it.price_per_hour).length ? money(it.price_per_hour, { places: 2 }) : "no price", " per hour")),
      make("div", "head dim", it.model));
    element.dataset.uuid = it.uuid;
    if (!it.up) element.append(make("div", "error", "not read: " + it.error));
    const line = (label, ratio, text) => element.append(make("div", "head dim", make("span", "", label), make("span", "", text)), bar(ratio));
    if (it.utilization_ratio !== null) line("in use", it.utilization_ratio, percent(it.utilization_ratio));
    if (it.memory_used_bytes !== null && it.memory_total_bytes)
      line("memory", it.memory_used_bytes / it.memory_total_bytes, number(it.memory_used_bytes / 2 ** 30, 1) + " of " + number(it.memory_total_bytes / 2 ** 30, 0) + " GiB");
    const more = [it.power_watts === null ? "" : number(it.power_watts, 0) + " W", it.temperature_celsius === null ? "" : number(it.temperature_celsius, 0) + " °C"].filter(Boolean);
    if (more.length) element.append(make("div", "dim", more.join(" · ")));
    return element;
  };

  const hour = (minutes, now) => {
    const currencies = [...new Set(minutes.flatMap((minute) => Object.values(minute.cost).flatMap(Object.keys)))].sort();
    const charts = currencies.map((currency) => chart(minutes, now, currency));
    const known = minutes.some((minute) => minute.utilization_ratio !== null);
    const used = SHARES.filter((share) => minutes.some((minute) => minute.cost[share]));
    const legend = make("div", "legend", ...used.map((share) => {
      const entry = make("span", "", MEANING[share]);
      entry.style.setProperty("--colour", "var(--" + share + ")");
      return entry;
    }));
    if (known && charts.length) {
      const entry = make("span", "line", "how busy the devices were, 0 to 100%");
      entry.style.setProperty("--colour", "var(--ink)");
      legend.append(entry);
    }
    fill("hour", charts.length ? [...charts, legend] : [], "Nothing has been paid for yet.");
  };

  const chart = (minutes, now, currency) => {
    // as wide as it is shown, so that its text has one size everywhere
    const width = Math.max(280, at("hour").clientWidth - 34), height = 170, left = 0, right = 0, top = 18, bottom = 18, end = Math.floor(now / 60000) + 1;
    const slot = (width - left - right) / 61, gap = slot > 6 ? 1 : 0.5, floor = height - bottom;
    const sums = minutes.map((minute) => SHARES.reduce((sum, share) => sum + Number((minute.cost[share] || {})[currency] || 0), 0));
    const most = Math.max(...sums, 1e-9), scale = (floor - top) / most;
    const x = (minute) => left + (60 - (end - 1 - Math.floor(new Date(minute.start) / 60000))) * slot;
    const svg = draw("svg", { viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": "What each minute of the last hour cost, in " + currency });
    svg.append(draw("text", { x: left, y: 12 }, "up to " + number(most, digits(most)) + " " + currency + " a minute"));
    svg.append(draw("line", { class: "axis", x1: left, x2: width - right, y1: floor, y2: floor }));
    for (const back of width < 480 ? [60, 30, 0] : [60, 45, 30, 15, 0]) {
      const anchor = back === 60 ? "start" : back === 0 ? "end" : "middle";
      svg.append(draw("text", { x: back === 0 ? width - right : left + (60 - back) * slot, y: height - 4, "text-anchor": anchor }, clock(new Date(now - back * 60000))));
    }
    minutes.forEach((minute, place) => {
      let y = floor;
      const parts = [];
      const group = draw("g", {});
      for (const share of SHARES) {
        const amount = Number((minute.cost[share] || {})[currency] || 0);
        if (!amount) continue;
        y -= amount * scale;
        parts.push(share + " " + number(amount, digits(amount)));
        group.append(draw("rect", { class: share, x: x(minute) + gap, y, width: slot - 2 * gap, height: amount * scale }));
      }
      const busy = minute.utilization_ratio === null ? "" : ", " + percent(minute.utilization_ratio) + " busy";
      if (parts.length) group.append(draw("title", {}, clock(new Date(minute.start)) + ": " + parts.join(", ") + " " + currency + busy + (place === minutes.length - 1 ? " so far" : "")));
      svg.append(group);
    });
    const line = minutes.filter((minute) => minute.utilization_ratio !== null)
      .map((minute) => (x(minute) + slot / 2).toFixed(1) + "," + (floor - minute.utilization_ratio * (floor - top)).toFixed(1));
    if (line.length > 1) svg.append(draw("polyline", { class: "load", points: line.join(" ") }));
    return svg;
  };

  const show = (it) => {
    ticking = [];
    const now = new Date(it.time);
    const paid = it.devices.find((one) => one.provider);
    at("machine").textContent = paid ? [paid.provider, paid.region, paid.pricing_model.replace("_", " ")].join(" · ") : "";
    at("version").textContent = it.version;
    at("simulated").hidden = !it.simulated;
    at("problems").hidden = !it.problems.length;
    at("problems").replaceChildren(...it.problems.map((problem) => make("li", "", problem)));
    at("per-hour").replaceChildren(money(it.cost_per_hour, { places: 2 }));
    for (const spent of it.spent) {
      at("spent-" + spent.period).replaceChildren(money(spent.cost, { rates: it.cost_per_hour, key: spent.period + spent.period_start, places: 2 }));
      at("since-" + spent.period).textContent = "since " + day(spent.period_start, spent.timezone) + ", " + spent.timezone;
    }
    hour(it.last_hour, now);
    const runs = [...it.runs].sort((a, b) => (a.state !== b.state ? (a.state === "active" ? -1 : 1) : b.started_at.localeCompare(a.started_at)));
    fill("runs", runs.map((one) => run(one, now)), "No run within the last hour.");
    fill("budgets", it.budgets.map(budget), "No budget in the configuration.");
    fill("devices", it.devices.map(device), "No device.");
    const active = runs.filter((one) => one.state === "active").length;
    document.title = (it.simulated ? "(simulated) " : "") + at("per-hour").textContent + "/h · " + active + (active === 1 ? " run" : " runs");
  };

  let answeredAt = -Infinity;
  const ask = async () => {
    try {
      const answer = await fetch("api/v1/overview", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error("status " + answer.status);
      const overview = await answer.json();
      answeredAt = performance.now();
      show(overview);
      at("pulse").textContent = "live";
      document.body.classList.remove("stale");
    } catch (problem) {
      const seconds = Math.round((performance.now() - answeredAt) / 1000);
      at("pulse").textContent = (Number.isFinite(seconds) ? "no answer for " + seconds + " s" : "no answer") + " (" + problem.message + ")";
    }
    setTimeout(ask, document.hidden ? HIDDEN_ASK_MS : ASK_MS);
  };
  setInterval(() => {
    const elapsed = performance.now() - answeredAt;
    if (elapsed > STALE_MS && !document.hidden) {
      document.body.classList.add("stale");
      return;
    }
    for (const entry of ticking) if (entry.perMs) paint(entry, elapsed);
  }, 100);
  ask();
})();
