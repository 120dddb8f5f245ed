// The trained network in the browser: no library, only arrays and loops.
//
// An image is a Float32Array of 784 pixels, row by row, from 0 (black) to 1 (white).
// Maps lie as in Keras: all channels of a place side by side, place after place.
"use strict";

// Numbers of 16 bits (IEEE 754, binary16) as ordinary ones.
function fromHalves(halves) {
  return Float32Array.from(halves, (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
    return exponent === 0
      ? sign * rest * 2 ** -24
      : sign * (1 + rest / 1024) * 2 ** (exponent - 15);
  });
}

// Cut the row of all numbers into layers: { name: { kernel, bias, outputs } }.
// `table` has a line [name, size of the kernel, outputs] for each.
function readLayers(numbers, table) {
  const layers = {};
  let start = 0;
  const next = (size) => numbers.subarray(start, (start += size));
  for (const [name, size, outputs] of table) {
    layers[name] = { kernel: next(size), bias: next(outputs), outputs };
  }
  return layers;
}

// A dense layer, at each of `places` places: outputs = inputs * kernel + bias.
function dense(inputs, { kernel, bias, outputs }, places) {
  const result = new Float32Array(places * outputs), size = inputs.length / places;
  for (let place = 0; place < places; place++) {
    const out = result.subarray(place * outputs, (place + 1) * outputs);
    out.set(bias);
    for (let i = 0; i < size; i++) {
      const value = inputs[place * size + i];
      if (value === 0) continue; // half of all, after ReLU
      for (let o = 0; o < outputs; o++) out[o] += value * kernel[i * outputs + o];
    }
  }
  return result;
}

// A convolution is a dense layer on what is around each of the 7 x 7 places.
function convolve(maps, layer) {
  const channels = maps.length / 49, around = new Float32Array(49 * 9 * channels);
  for (let place = 0; place < 49; place++) {
    for (let k = 0; k < 9; k++) {
      const row = Math.floor(place / 7) + Math.floor(k / 3) - 1, column = (place % 7) + (k % 3) - 1;
      if (row < 0 || row > 6 || column < 0 || column > 6) continue; // zeros outside
      const from = (7 * row + column) * channels;
      around.set(maps.subarray(from, from + channels), (9 * place + k) * channels);
    }
  }
  return dense(around, layer, 49);
}

const relu = (x) => x.map((value) => Math.max(value, 0));

function residualBlock(x, layers, name) {
  const h = convolve(relu(convolve(x, layers[name + "_1"])), layers[name + "_2"]);
  return relu(h.map((value, i) => value + x[i]));
}

// Pixel `i` of the image stands at place `place` of patch `patch`, both row by row.
function eachPixel(call) {
  for (let i = 0; i < 784; i++) {
    const row = Math.floor(i / 28), column = i % 28;
    const patch = 7 * Math.floor(row / 4) + Math.floor(column / 4);
    call(i, 16 * patch + 4 * (row % 4) + (column % 4));
  }
}

// From an image to its code: 7 x 7 places, 8 numbers each.
function encode(image, layers) {
  const patches = new Float32Array(784);
  eachPixel((i, place) => (patches[place] = image[i]));
  const x = relu(dense(patches, layers["encoder/patches"], 49));
  return dense(residualBlock(x, layers, "encoder/neighbours"), layers["encoder/code"], 49);
}

// From a code back to an image.
function decode(code, layers) {
  const overview = relu(dense(code, layers["decoder/whole"], 1));
  const both = new Float32Array(49 * 24);
  for (let place = 0; place < 49; place++) {
    both.set(code.subarray(8 * place, 8 * place + 8), 24 * place);
    both.set(overview.subarray(16 * place, 16 * place + 16), 24 * place + 8);
  }
  const x = relu(dense(both, layers["decoder/join"], 49));
  const painted = dense(residualBlock(x, layers, "decoder/neighbours"), layers["decoder/paint"], 49);
  const image = new Float32Array(784);
  eachPixel((i, place) => (image[i] = 1 / (1 + Math.exp(-painted[place]))));
  return image;
}

// A code in which the maps that `silenced` marks say what they say on average.
function silence(code, silenced, meanCode) {
  return code.map((value, i) => (silenced[i % 8] ? meanCode[i] : value));
}

// Random numbers in [0, 1), the same for the same seed (Mulberry32, T. Ettinger).
function randomNumbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const clip = (value) => Math.min(Math.max(value, 0), 1);

// Each spoils one pixel, at a level from 0 to 1; `random` is asked twice a pixel.
const CORRUPTIONS = {
  "Gaussian noise": (pixel, level, a, b) => // Box and Muller's normal numbers
    clip(pixel + level * Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b)),
  "salt and pepper": (pixel, level, a, b) => (a < level ? Number(b < 0.5) : pixel),
  "masked pixels": (pixel, level, a) => (a < level ? 0 : pixel),
};

function corrupt(image, kind, level, seed) {
  const random = randomNumbers(seed);
  return image.map((pixel) => CORRUPTIONS[kind](pixel, level, random(), random()));
}

// Peak signal-to-noise ratio in decibels; Infinity for the same image.
function psnr(clean, image) {
  const sum = clean.reduce((sum, pixel, i) => sum + (pixel - image[i]) ** 2, 0);
  return -10 * Math.log10(sum / clean.length);
}

// Bring a drawing, `side` x `side` values in [0, 1], into the form of MNIST's digits:
// 20 pixels long, the centre of mass in the middle of 28 x 28.
function recentre(ink, side) {
  let mass = 0, x = 0, y = 0, left = side, right = -1, top = side, bottom = -1;
  ink.forEach((value, i) => {
    if (value === 0) return;
    const column = i % side, row = Math.floor(i / side);
    mass += value, x += value * (column + 0.5), y += value * (row + 0.5);
    left = Math.min(left, column), right = Math.max(right, column);
    top = Math.min(top, row), bottom = Math.max(bottom, row);
  });
  const image = new Float32Array(784);
  if (mass === 0) return image; // an empty field
  const scale = Math.max(right - left + 1, bottom - top + 1) / 20, fine = 8;
  for (let i = 0; i < 784; i++) {
    let sum = 0; // of fine x fine points in the pixel
    for (let k = 0; k < fine * fine; k++) {
      const across = (i % 28) - 14 + ((k % fine) + 0.5) / fine;
      const down = Math.floor(i / 28) - 14 + (Math.floor(k / fine) + 0.5) / fine;
      const column = Math.floor(x / mass + across * scale), row = Math.floor(y / mass + down * scale);
      if (column >= 0 && column < side && row >= 0 && row < side) sum += ink[row * side + column];
    }
    image[i] = sum / fine ** 2;
  }
  return image;
}
