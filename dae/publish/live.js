// The controls around the network of network.js. The page's data stand in #live-data:
// weights and digits, in base64, as dae/publish/live.py writes them.
"use strict";

function start() {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("live-data").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const numbers = (text) => fromHalves(new Uint16Array(bytes(text).buffer));
  const layers = readLayers(numbers(data.weights), data.layers);
  const meanCode = numbers(data.meanCode), digits = bytes(data.digits);

  const field = $("field"), pen = field.getContext("2d", { willReadFrequently: true }), side = field.width;
  const silenced = new Array(8).fill(false), tiles = [];
  let clean, copy = 0, seed = 1, at = [side / 2, side / 2], down = false;

  function paint(canvas, colour) { // colour(i): red, green, blue of pixel i
    const context = canvas.getContext("2d"), { width, height } = canvas;
    const picture = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) picture.data.set([...colour(i), 255], 4 * i);
    context.putImageData(picture, 0, 0);
  }
  const paintImage = (id, image) =>
    paint($(id), (i) => new Array(3).fill(Math.round(255 * image[i])));

  function paintMap(canvas, code, map) { // blue below the average, orange above
    paint(canvas, (i) => {
      const shift = (code[8 * i + map] - meanCode[8 * i + map]) / data.spread;
      const end = shift < 0 ? [0, 114, 178] : [213, 94, 0], strength = Math.min(Math.abs(shift), 1);
      return end.map((value) => Math.round(247 + strength * (value - 247)));
    });
  }

  function renew() {
    const level = Number($("level").value), kind = $("corruption").value;
    const noisy = corrupt(clean, kind, level, seed);
    const code = encode(noisy, layers);
    const answer = decode(silence(code, silenced, meanCode), layers);
    paintImage("clean", clean), paintImage("noisy", noisy), paintImage("answer", answer);
    tiles.forEach((tile, map) => {
      paintMap(tile, silenced[map] ? meanCode : code, map);
      tile.parentElement.setAttribute("aria-pressed", String(silenced[map]));
    });
    const decibels = (image) => {
      const value = psnr(clean, image);
      return value === Infinity ? "no error" : value.toFixed(1) + " dB";
    };
    $("level-value").value = level.toFixed(2);
    $("level-name").textContent = kind === "Gaussian noise" ? "noise level" : "share of pixels hit";
    $("noisy-psnr").value = decibels(noisy), $("answer-psnr").value = decibels(answer);
    const mute = silenced.filter(Boolean).length;
    $("said").textContent = `${kind}, level ${level.toFixed(2)}: noisy ${decibels(noisy)}, ` +
      `the network’s answer ${decibels(answer)}` +
      (mute ? `, with ${mute} of 8 maps silenced.` : ".");
  }

  function wipe() {
    pen.fillStyle = "black", pen.fillRect(0, 0, side, side);
  }
  function take() { // a test digit
    wipe(), $("another").disabled = false;
    const first = 784 * (10 * Number($("digit").value) + copy);
    clean = Float32Array.from(digits.subarray(first, first + 784), (value) => value / 255);
    renew();
  }
  function drawn() { // what is in the field
    $("digit").value = "", $("another").disabled = true;
    const picture = pen.getImageData(0, 0, side, side).data;
    clean = recentre(Float32Array.from({ length: side * side }, (_, i) => picture[4 * i] / 255), side);
    renew();
  }
  function line(to) {
    pen.strokeStyle = "white", pen.lineWidth = side / 11, pen.lineCap = pen.lineJoin = "round";
    pen.beginPath(), pen.moveTo(...at), pen.lineTo(...to), pen.stroke();
    at = to;
  }
  const place = (event) => {
    const box = field.getBoundingClientRect();
    return [((event.clientX - box.left) * side) / box.width, ((event.clientY - box.top) * side) / box.height];
  };

  let asked = false; // one answer a frame, however many points of a stroke come in
  function soon() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => (asked = false, drawn()));
  }
  field.addEventListener("pointerdown", (event) => {
    field.setPointerCapture(event.pointerId);
    at = place(event), line(at), soon();
    event.preventDefault(), field.focus();
  });
  field.addEventListener("pointermove", (event) => {
    if (field.hasPointerCapture(event.pointerId)) line(place(event)), soon();
  });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key !== " " && !step) return;
    event.preventDefault();
    if (!step) down = !down;
    const to = at.map((value, i) => clip((value + (step ? step[i] * 14 : 0)) / side) * side);
    if (down) line(to), soon();
    else at = to;
    $("said").textContent = `Pen ${down ? "down" : "up"}, at ${at.map((value) => Math.round((100 * value) / side)).join(", ")} of 100.`;
  });

  for (const kind of Object.keys(CORRUPTIONS)) $("corruption").add(new Option(kind));
  $("digit").add(new Option("yours", "", false, false)), $("digit").options[0].hidden = true;
  for (let digit = 0; digit < 10; digit++) $("digit").add(new Option(digit));
  for (let map = 0; map < 8; map++) {
    const button = document.createElement("button"), tile = document.createElement("canvas");
    button.type = "button", tile.width = tile.height = 7;
    button.setAttribute("aria-label", `map ${map + 1}: silence`);
    button.addEventListener("click", () => (silenced[map] = !silenced[map], renew()));
    button.append(tile), $("maps").append(button), tiles.push(tile);
  }
  $("level").addEventListener("input", renew);
  $("corruption").addEventListener("change", renew);
  $("digit").addEventListener("change", () => (copy = 0, take()));
  $("another").addEventListener("click", () => (copy = (copy + 1) % 10, take()));
  $("again").addEventListener("click", () => (seed += 1, renew()));
  $("speak").addEventListener("click", () => (silenced.fill(false), renew()));
  $("clear").addEventListener("click", () => (wipe(), drawn()));

  $("digit").value = "3";
  take();
  $("live-missing").hidden = true, $("live-works").hidden = false;
}

try {
  start();
} catch (error) { // an old browser: the page says what it needs
  document.getElementById("live-missing").append(` (${error.message})`);
}
