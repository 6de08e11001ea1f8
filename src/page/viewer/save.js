// ---- Save ----

/** What of the canvas is map. */
function mapOnCanvas() {
  const x = Math.max(0, plan.left - view.x), y = Math.max(0, -view.y);
  const right = Math.min(view.width, plan.width - view.x), bottom = Math.min(view.height, plan.height - view.y);
  return { x, y, width: right - x, height: bottom - y };
}

/** The view with a legend and its scale below it, for it travels without this page. */
function pictureOfView() {
  const unit = view.dpr, line = Math.round(19 * unit), pad = Math.round(10 * unit), seen = mapOnCanvas();
  const canvas = document.createElement('canvas'), to = canvas.getContext('2d');
  const listed = [...legendButtons.keys()].filter(index => counts[index] > 0 && index !== kindClass[HOLE]);
  canvas.width = Math.max(seen.width, Math.round(320 * unit));
  const across = Math.max(1, Math.floor((canvas.width - 2 * pad) / (170 * unit)));
  const down = Math.ceil(listed.length / across), column = Math.floor((canvas.width - 2 * pad) / across);
  to.font = context.font;
  const words = [document.title, document.querySelector('.meta')?.textContent ?? '', el.status.textContent];
  const said = words.filter(Boolean).flatMap(text => wrapped(to, text, canvas.width - 2 * pad));
  canvas.height = seen.height + (down + said.length) * line + 3 * pad;
  to.fillStyle = ink.backCss;
  to.fillRect(0, 0, canvas.width, canvas.height);
  to.drawImage(el.canvas, seen.x, seen.y, seen.width, seen.height, 0, 0, seen.width, seen.height);
  to.font = context.font;
  to.textBaseline = 'middle';
  listed.forEach((index, number) => {
    const x = pad + Math.floor(number / down) * column, y = seen.height + pad + (number % down + 0.5) * line;
    drawEntry(to, index, x, y, column - 20 * unit);
  });
  to.fillStyle = ink.muted;
  said.forEach((text, number) => to.fillText(text, pad, seen.height + 2 * pad + (down + number + 0.5) * line));
  return canvas;
}

/** A text in lines of at most so many pixels. */
function wrapped(to, text, width) {
  const lines = [];
  for (const word of text.split(' ')) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && to.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function drawEntry(to, index, x, y, width) {
  const unit = view.dpr, box = Math.round(11 * unit), top = Math.round(y - box / 2);
  to.fillStyle = ink.muted;
  to.fillRect(x, top, box, box);
  to.fillStyle = swatchColour(index);
  to.fillRect(x + unit, top + unit, box - 2 * unit, box - 2 * unit);
  to.fillStyle = ink.text;
  to.fillText(data.classes[index].name, x + 18 * unit, y, width - 68 * unit);
  to.textAlign = 'right';
  to.fillStyle = ink.muted;
  to.fillText(share(counts[index], data.cells - counts[kindClass[HOLE]]), x + width, y);
  to.textAlign = 'left';
}

function savePicture() {
  paint();
  pictureOfView().toBlob(blob => {
    if (!blob) return note('The browser could not make a picture of this size.', true);
    const link = make('a');
    link.href = URL.createObjectURL(blob);
    link.download = `memory-${hex(pfnOf(nearestCell(0, 0)))}-${view.layout}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, 'image/png');
}

