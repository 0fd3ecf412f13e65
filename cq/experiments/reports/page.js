
'use strict';
// Theme: auto follows the system.
(() => {
  const button = document.getElementById('theme'), root = document.documentElement;
  const order = ['auto', 'light', 'dark'];
  const show = (theme) => {
    if (theme === 'auto') root.removeAttribute('data-theme'); else root.dataset.theme = theme;
    button.textContent = 'theme: ' + theme;
    button.dataset.now = theme;
  };
  let kept = null;
  try { kept = localStorage.getItem('cq-theme'); } catch (e) { /* a page without storage */ }
  show(order.includes(kept) ? kept : 'auto');
  button.addEventListener('click', () => {
    const next = order[(order.indexOf(button.dataset.now) + 1) % order.length];
    show(next);
    try { localStorage.setItem('cq-theme', next); } catch (e) { /* lasts as long as the page */ }
  });
})();

// Tables: best first, then reversed, then as printed. Sorted over all blocks, baselines once.
for (const table of document.querySelectorAll('table.sortable')) {
  const bodies = [...table.tBodies].map((body) => ({ body, rows: [...body.rows] }));
  const heads = [...table.querySelectorAll('th[data-sort]')];
  const restore = () => {
    table.classList.remove('sorted');
    for (const { body, rows } of bodies) { body.append(...rows); rows.forEach((r) => { r.hidden = false; }); }
  };
  const key = (row, index) => {
    const text = row.cells[index].dataset.v;
    if (text === undefined || text === '') return null;
    const number = Number(text.replace(/^\+/, '').split(' ')[0]);
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => (typeof a === 'number' && typeof b === 'number') ? a - b
    : String(a).localeCompare(String(b));
  heads.forEach((head, index) => head.addEventListener('click', () => {
    const first = head.dataset.higher === '1' ? 'desc' : 'asc', second = first === 'asc' ? 'desc' : 'asc';
    const next = { [first]: second, [second]: '' }[head.dataset.dir] ?? first;
    heads.forEach((other) => other.removeAttribute('data-dir'));
    restore();
    if (!next) return;
    head.dataset.dir = next;
    table.classList.add('sorted');
    const rows = bodies.flatMap((part) => part.rows);
    rows.forEach((row) => { row.hidden = row.classList.contains('block') || row.hasAttribute('data-repeated'); });
    rows.sort((a, b) => {
      if (a.hidden || b.hidden) return a.hidden - b.hidden;
      const x = key(a, index), y = key(b, index);
      if (x === null || y === null) return (x === null) - (y === null);
      return next === 'asc' ? compare(x, y) : compare(y, x);
    });
    bodies[0].body.append(...rows);
  }));
}

// One picture of a group at a time.
for (const card of document.querySelectorAll('[data-choices]')) {
  const figures = [...card.querySelectorAll('figure')];
  if (figures.length < 2) continue;
  const select = document.createElement('select');
  figures.forEach((figure, i) => select.add(new Option(figure.dataset.choice, i)));
  const show = () => figures.forEach((figure, i) => { figure.hidden = i !== Number(select.value); });
  select.addEventListener('change', show);
  card.querySelector('h4').append(select);
  show();
}

for (const chips of document.querySelectorAll('[data-filter]')) {
  chips.addEventListener('click', (event) => {
    const chip = event.target.closest('.chip');
    if (!chip) return;
    chips.querySelectorAll('.chip').forEach((other) => other.classList.toggle('on', other === chip));
    chips.nextElementSibling.querySelectorAll('.sample').forEach((sample) => {
      const blocks = sample.dataset.blocks.trim().split(' ');
      sample.hidden = chip.dataset.block !== '' && !blocks.includes(chip.dataset.block);
    });
  });
}

// Pictures side by side, moved and zoomed together.
(() => {
  const viewer = document.getElementById('viewer'), panes = viewer.querySelector('.panes');
  let images = [], at = { x: 0, y: 0, zoom: 1 };
  const place = () => panes.querySelectorAll('img').forEach((img) => {
    img.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.zoom})`;
  });
  const zoom = (factor, x, y) => {
    const next = Math.min(40, Math.max(1, at.zoom * factor)), ratio = next / at.zoom;
    at = next === 1 ? { x: 0, y: 0, zoom: 1 }
      : { x: x - (x - at.x) * ratio, y: y - (y - at.y) * ratio, zoom: next };
    place();
  };
  const middle = (factor) => {
    const view = panes.querySelector('.view');
    zoom(factor, view.clientWidth / 2, view.clientHeight / 2);
  };
  const add = (index) => {
    const pane = document.createElement('div'), select = document.createElement('select');
    const view = document.createElement('div'), img = document.createElement('img');
    pane.className = 'pane';
    view.className = 'view';
    images.forEach((image, i) => select.add(new Option(image.alt, i)));
    const show = () => { img.src = images[Number(select.value)].src; img.alt = images[Number(select.value)].alt; };
    select.value = index;
    select.addEventListener('change', show);
    view.addEventListener('wheel', (event) => {
      event.preventDefault();
      const box = view.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    view.addEventListener('pointerdown', (event) => view.setPointerCapture(event.pointerId));
    view.addEventListener('pointermove', (event) => {
      if (!event.buttons || at.zoom === 1) return;
      at.x += event.movementX;
      at.y += event.movementY;
      place();
    });
    view.append(img);
    pane.append(select, view);
    panes.append(pane);
    show();
    place();
  };
  const actions = {
    in: () => middle(1.5), out: () => middle(1 / 1.5),
    reset: () => { at = { x: 0, y: 0, zoom: 1 }; place(); },
    add: () => { if (panes.children.length < 6) add(Math.min(panes.children.length, images.length - 1)); },
    remove: () => { if (panes.children.length > 1) panes.lastElementChild.remove(); },
    close: () => viewer.close(),
  };
  viewer.addEventListener('click', (event) => actions[event.target.dataset.do]?.());
  viewer.addEventListener('keydown', (event) => {
    if (event.target.tagName === 'SELECT') return;
    if (event.key === '+') actions.in();
    if (event.key === '-') actions.out();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const select = panes.lastElementChild.querySelector('select');
    select.value = (Number(select.value) + step + images.length) % images.length;
    select.dispatchEvent(new Event('change'));
  });
  for (const gallery of document.querySelectorAll('.gallery')) {
    const all = [...gallery.querySelectorAll('img')];
    all.forEach((image, index) => image.closest('button').addEventListener('click', () => {
      images = all;
      at = { x: 0, y: 0, zoom: 1 };
      panes.replaceChildren();
      if (index !== 0) add(0);
      add(index);
      viewer.showModal();
    }));
  }
})();
