// A cut-off of one's own: rates, predictive values, counts and the point on the ROC curve.
(() => {
  "use strict";
  const UNDEFINED = "\u2013";

  // How many images score at least each cut-off: of [distance, n, ...] the ones that are left.
  const decode = (drops, steps) => {
    const counts = new Array(steps + 1).fill(0);
    for (let i = 0, step = 0; i < drops.length; i += 2) counts[step += drops[i]] += drops[i + 1];
    for (let step = steps; step > 0; step--) counts[step - 1] += counts[step];
    return counts;
  };

  const share = (part, whole) => whole ? part / whole : NaN;

  // Python's rounding of percentages to one decimal: of two that are as near, the even one.
  const percent = (fraction) => {
    const value = 100 * fraction;
    if (Number.isNaN(value)) return UNDEFINED;
    return `${(value % 1 === 0.25 ? value - 0.05 : value).toFixed(1)}\u00a0%`;
  };

  const figures = ({ covid, normal }, step, prevalence) => {
    const tp = covid[step], fp = normal[step], fn = covid[0] - tp, tn = normal[0] - fp;
    const sensitivity = share(tp, tp + fn), specificity = share(tn, tn + fp);
    const found = sensitivity * prevalence, missed = (1 - sensitivity) * prevalence;
    const cleared = specificity * (1 - prevalence), alarmed = (1 - specificity) * (1 - prevalence);
    return {
      tp, fp, fn, tn, sensitivity, specificity,
      ppv: share(found, found + alarmed), npv: share(cleared, cleared + missed),
    };
  };

  // Of 1000 examined, in whole people: who is ill, who of them is found, who of the others alarmed.
  const people = ({ sensitivity, specificity }, prevalence) => {
    const nIll = Math.round(1000 * prevalence), nOthers = 1000 - nIll;
    return {
      nIll, nOthers,
      nFound: Math.round(nIll * sensitivity), nAlarmed: Math.round(nOthers * (1 - specificity)),
    };
  };

  if (typeof document === "undefined") {
    module.exports = { decode, percent, figures, people };
    return;
  }

  const told = document.getElementById("cutoff-data"), panel = document.getElementById("cutoff-panel");
  if (!told || !panel) return;
  const { steps, prevalence, variants } = JSON.parse(told.textContent);
  for (const each of Object.values(variants))
    for (const name of ["covid", "normal"]) each[name] = decode(each[name], steps);

  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const write = (name, text) => { part(name).textContent = text; };
  const state = { step: steps / 2, prevalence };

  const confusion = (name, n, whole) => {
    const cell = part(name);
    cell.querySelector("b").textContent = n;
    cell.querySelector("small").textContent = percent(share(n, whole));
    cell.style.setProperty("--share", `${100 * (share(n, whole) || 0)}%`);
  };

  const show = () => {
    const name = panel.querySelector("input[name=cutoff-variant]:checked").value;
    const variant = variants[name], found = figures(variant, state.step, state.prevalence);
    const { tp, fp, fn, tn, sensitivity, specificity } = found, n = tp + fp + fn + tn;
    panel.style.setProperty("--ink", `var(--ink-${name})`);
    for (const rate of ["sensitivity", "specificity", "ppv", "npv"]) write(rate, percent(found[rate]));
    write("sensitivity-of", `${tp} of ${tp + fn}`);
    write("specificity-of", `${tn} of ${tn + fp}`);
    confusion("tp", tp, tp + fn);
    confusion("fn", fn, tp + fn);
    confusion("fp", fp, tn + fp);
    confusion("tn", tn, tn + fp);
    const cutoff = (state.step / steps).toFixed(3);
    const { nIll, nOthers, nFound, nAlarmed } = people(found, state.prevalence);
    write("sentence", n && tp + fn && tn + fp
      ? `At ${cutoff}, ${variant.title} would find ${nFound} of ${nIll} ill among 1000 examined, miss ${nIll - nFound}, and raise ${nAlarmed} false ${nAlarmed === 1 ? "alarm" : "alarms"} among the ${nOthers} others.`
      : "");
    for (const line of panel.querySelectorAll("path[data-variant]"))
      line.classList.toggle("taken", line.dataset.variant === name);
    const dot = part("dot");
    if (!dot) return; // of one class there is no curve
    dot.setAttribute("cx", 100 * (1 - specificity));
    dot.setAttribute("cy", 100 * (1 - sensitivity));
  };

  // A slider and a field for the same value; what is typed and is no number is not taken.
  const join = (name, { least, most, text, take }) => {
    const [slider, field] = [part(`${name}-slider`), part(`${name}-field`)];
    slider.value = field.value = text();
    for (const [input, other] of [[slider, field], [field, slider]])
      input.addEventListener("input", () => {
        const value = input.valueAsNumber;
        if (Number.isNaN(value) || value < least || value > most) return;
        take(value);
        other.value = text();
        show();
      });
    field.addEventListener("change", () => { field.value = text(); });
    return () => { slider.value = field.value = text(); };
  };
  const reset = join("cutoff", {
    least: 0, most: 1,
    text: () => (state.step / steps).toFixed(3),
    take: (value) => { state.step = Math.round(value * steps); },
  });
  join("prevalence", {
    least: 0, most: 100,
    text: () => String(Number((100 * state.prevalence).toFixed(2))),
    take: (value) => { state.prevalence = Number(value.toFixed(2)) / 100; }, // as it is shown
  });

  for (const radio of panel.querySelectorAll("input[name=cutoff-variant]"))
    radio.addEventListener("change", show);
  part("half").addEventListener("click", () => {
    state.step = steps / 2;
    reset();
    show();
  });
  panel.hidden = false;
  show();
})();
