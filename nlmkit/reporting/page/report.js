(() => {
  "use strict";
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const make = (tag, attributes, text) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // Sorting of tables: a button in each head; rows without a number come last.
  const collator = new Intl.Collator(undefined, { numeric: true });
  for (const table of all("table[data-sortable]")) {
    const body = table.tBodies[0];
    all("thead th", table).forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.sort;
        const rows = [...body.rows].sort((one, two) => {
          const [a, b] = [key(one), key(two)];
          if (a !== undefined && b !== undefined) return (Number(a) - Number(b)) * (down ? -1 : 1);
          if (a !== undefined || b !== undefined) return a === undefined ? 1 : -1;
          return collator.compare(one.cells[column].textContent, two.cells[column].textContent) * (down ? -1 : 1);
        });
        body.append(...rows);
      });
    });
  }

  // Panels become tabs.
  all("[data-tabs]").forEach((group, number) => {
    const panels = all(":scope > [data-panel]", group);
    if (panels.length < 2) return;
    const bar = make("div", { role: "tablist", "aria-label": group.dataset.tabs, class: "tabs" });
    const tabs = panels.map((panel, place) => {
      const heading = panel.querySelector("h3");
      const tab = make("button", { type: "button", role: "tab", id: `tab-${number}-${place}`, "aria-controls": `panel-${number}-${place}` });
      tab.append(...heading.childNodes);
      heading.remove();
      panel.id = `panel-${number}-${place}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      bar.append(tab);
      return tab;
    });
    const choose = (chosen, focus) => {
      tabs.forEach((tab, place) => {
        tab.setAttribute("aria-selected", String(place === chosen));
        tab.tabIndex = place === chosen ? 0 : -1;
        panels[place].hidden = place !== chosen;
      });
      if (focus) tabs[chosen].focus();
    };
    tabs.forEach((tab, place) => {
      tab.addEventListener("click", () => choose(place, false));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const goal = { Home: 0, End: tabs.length - 1 }[event.key] ?? (step && (place + step + tabs.length) % tabs.length);
        if (goal === undefined) return;
        event.preventDefault();
        choose(goal, true);
      });
    });
    group.prepend(bar);
    choose(0, false);
  });

  // Tips of points, cells and words; arrow keys walk through the words of a sentence.
  const tip = make("div", { id: "tip", role: "status", hidden: "" });
  document.body.append(tip);
  let shown = null;
  let walked = null;
  const hide = () => {
    tip.hidden = true;
    shown = walked = null;
  };
  const show = (target, left, top) => {
    if (target !== shown) tip.textContent = target.dataset.tip;
    shown = target;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(left + 12, innerWidth - box.width - 4))}px`;
    tip.style.top = `${top + 18 + box.height > innerHeight ? Math.max(4, top - box.height - 10) : top + 18}px`;
  };
  document.addEventListener("pointermove", (event) => {
    const target = event.target.closest?.("[data-tip]");
    if (target) show(target, event.clientX, event.clientY);
    else if (shown && !walked) hide();
  });
  const below = (item) => {
    const box = item.getBoundingClientRect();
    show(item, box.left, box.bottom - 12);
  };
  document.addEventListener("scroll", () => (walked ? below(walked) : hide()), true);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  for (const list of all("[data-walk]")) {
    let at = -1;
    list.tabIndex = 0;
    const leave = () => all(".at", list).forEach((item) => item.classList.remove("at"));
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step || !list.children.length) return;
      event.preventDefault();
      leave();
      at = Math.min(list.children.length - 1, Math.max(0, at + step));
      const item = list.children[at];
      item.classList.add("at");
      if (item.dataset.tip) below((walked = item));
    });
    list.addEventListener("blur", () => {
      leave();
      hide();
    });
  }

  // The section on the screen is marked in the list of sections.
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          links.forEach((link) => link.removeAttribute("aria-current"));
          links.get(entry.target.id)?.setAttribute("aria-current", "true");
        }
      },
      { rootMargin: "-20% 0px -70% 0px" },
    );
    all("main > section").forEach((section) => seen.observe(section));
  }
})();
