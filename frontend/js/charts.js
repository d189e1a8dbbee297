// Charts: canary, stable and limit over time, and the same as a table. Points come by the stream.
(() => {
  "use strict";

  const source = document.getElementById("chart-data");
  if (!source) return;
  const { series, points: first, decided } = JSON.parse(source.textContent);
  const MOST_POINTS = 2000;
  const TABLE_ROWS = 60;
  const FAR = 8;
  const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const state = { points: [], decided, plots: [] };

  // Numbers as the server says them.
  const digits = (value) => String(Number(value.toPrecision(2)));
  const ratio = (value) => {
    const percent = value * 100;
    return (Math.abs(percent) < 1 ? digits(percent) : String(Number(percent.toFixed(1)))) + " %";
  };
  const millis = (value) => {
    if (value >= 10000) return `${Number((value / 1000).toFixed(1))} s`;
    return value < 10 ? `${digits(value)} ms` : `${Math.round(value)} ms`;
  };
  const said = (value, unit) =>
    value === null || value === undefined ? "-" : unit === "ms" ? millis(value) : ratio(value);

  const two = (number) => String(number).padStart(2, "0");
  function clock(seconds, withSeconds = true) {
    const at = new Date(seconds * 1000);
    const minutes = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
    return withSeconds ? `${minutes}:${two(at.getUTCSeconds())}` : minutes;
  }

  function colour(name) {
    const probe = document.createElement("i");
    probe.className = `ink-${name}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function add(points) {
    const last = state.points.at(-1)?.n ?? 0;
    state.points.push(...points.filter((point) => point.n > last));
    state.points.splice(0, state.points.length - MOST_POINTS);
  }

  function columns(index) {
    const limit = series[index].limit;
    return [
      state.points.map((point) => point.at),
      state.points.map((point) => point.values[index][1]),
      state.points.map((point) => point.values[index][0]),
      state.points.map(() => limit),
    ];
  }

  // Where the weight changed, and where it was decided: thin lines with a word on top.
  function marks(plot, inks) {
    const found = [];
    state.points.forEach((point, i) => {
      if (point.weight !== state.points[i - 1]?.weight) found.push([point.at, `${point.weight} %`]);
    });
    if (state.decided && state.points.length) found.push([state.points.at(-1).at, state.decided]);
    const { ctx, bbox } = plot;
    const px = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * px}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    const right = bbox.left + bbox.width;
    const place = ([at, word]) => {
      const x = Math.round(plot.valToPos(at, "x", true));
      const width = ctx.measureText(word).width;
      return { x, word, width, left: Math.min(x, right - width) };
    };
    const placed = found.map(place);
    const end = state.decided ? placed.at(-1) : null;
    let free = -Infinity;
    for (const mark of placed) {
      const { x, word, width, left } = mark;
      ctx.strokeStyle = mark === end ? inks.text : inks.muted;
      ctx.lineWidth = px;
      ctx.setLineDash(mark === end ? [] : [2 * px, 3 * px]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const room = mark === end || !end ? Infinity : end.left;
      if (left <= free || left + width + 6 * px > room) continue;
      ctx.fillStyle = mark === end ? inks.text : inks.muted;
      ctx.fillText(word, left, bbox.top - 3 * px);
      free = left + width + 8 * px;
    }
    ctx.restore();
  }

  function tell(plot, metric, tip) {
    const index = plot.cursor.idx;
    const point = index === null || index === undefined ? null : state.points[index];
    tip.hidden = !point;
    if (!point) return;
    const [canary, stable] = point.values[metric];
    const unit = series[metric].unit;
    tip.textContent =
      `${clock(point.at)} at ${point.weight} %: canary ${said(canary, unit)}, ` +
      `stable ${said(stable, unit)}` + (point.gap ? `; ${point.gap}` : "");
  }

  function draw(holder) {
    const index = Number(holder.dataset.plot);
    const { unit, limit } = series[index];
    const inks = Object.fromEntries(
      ["canary", "stable", "limit", "text", "muted", "line"].map((name) => [name, colour(name)]),
    );
    const axis = {
      stroke: inks.muted,
      grid: { stroke: inks.line, width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
    };
    // The values of the versions alone: a limit far above them would flatten all that happens.
    const most = () => {
      const values = state.points.flatMap((point) => point.values[index]);
      const high = Math.max(0, ...values.filter((value) => value !== null));
      const near = limit !== null && (high === 0 || limit < FAR * high);
      const top = Math.max(high, near ? limit * 1.25 : 0);
      return [0, top > 0 ? top * 1.08 : unit === "ms" ? 1 : 0.01];
    };
    const tip = document.createElement("p");
    tip.className = "plot-tip";
    tip.hidden = true;
    holder.replaceChildren();
    const plot = new uPlot(
      {
        width: holder.clientWidth,
        height: holder.clientHeight,
        padding: [20, 26, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: most } },
        axes: [
          {
            ...axis,
            size: 26,
            space: 70,
            incrs: SECONDS,
            values: (_, ticks, __, ___, step) => ticks.map((at) => clock(at, step < 60)),
          },
          { ...axis, size: 58, values: (_, ticks) => ticks.map((value) => said(value, unit)) },
        ],
        series: [
          {},
          { stroke: inks.stable, width: 1.75, points: { show: false } },
          { stroke: inks.canary, width: 2.25, points: { show: false } },
          { stroke: inks.limit, width: 1.5, dash: [6, 4], points: { show: false }, show: limit !== null },
        ],
        hooks: {
          draw: [(drawn) => marks(drawn, inks)],
          setCursor: [(moved) => tell(moved, index, tip)],
        },
      },
      columns(index),
      holder,
    );
    plot.metric = index;
    holder.append(tip);
    return plot;
  }

  function row(kind, texts) {
    const made = document.createElement("tr");
    for (const [i, text] of texts.entries()) {
      const cell = document.createElement(kind === "th" || i === 0 ? "th" : "td");
      if (cell.tagName === "TH") cell.scope = kind === "th" ? "col" : "row";
      if (i > 0) cell.className = "number";
      cell.textContent = text;
      made.append(cell);
    }
    return made;
  }

  function tabulate(holder) {
    if (!holder.parentElement.open) return;
    const index = Number(holder.dataset.table);
    const { unit, limit } = series[index];
    const table = document.createElement("table");
    table.className = "table";
    const head = table.createTHead();
    head.append(row("th", ["Time (UTC)", "Weight", "Canary", "Stable", "Limit", "Verdict"]));
    const body = table.createTBody();
    for (const point of state.points.slice(-TABLE_ROWS).reverse()) {
      const [canary, stable] = point.values[index];
      const verdict = point.gap || point.verdict;
      const texts = [canary, stable, limit].map((value) => said(value, unit));
      body.append(row("td", [clock(point.at), `${point.weight} %`, ...texts, verdict]));
    }
    holder.replaceChildren(table);
  }

  const tables = () => document.querySelectorAll("[data-table]").forEach(tabulate);

  function drawAll() {
    for (const plot of state.plots) plot.destroy();
    state.plots = [...document.querySelectorAll("[data-plot]")].map(draw);
  }

  function show() {
    const missing = [...document.querySelectorAll("[data-plot]")].some((one) => !one.firstChild);
    if (missing) drawAll();
    for (const plot of state.plots) {
      plot.setData(columns(plot.metric));
      plot.root.parentElement.dataset.points = state.points.length;
    }
    tables();
  }

  add(first);
  show();
  document.addEventListener("toggle", tables, true);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new ResizeObserver(() => {
    for (const plot of state.plots) {
      const { clientWidth: width, clientHeight: height } = plot.root.parentElement;
      if (width && (plot.width !== width || plot.height !== height)) plot.setSize({ width, height });
    }
  }).observe(document.getElementById("main"));
  document.getElementById("live").addEventListener("points", (event) => {
    const news = JSON.parse(event.detail.data);
    add(news.points);
    state.decided = news.decided;
    show();
  });
  document.getElementById("live").addEventListener("htmx:after:swap", show);
})();
