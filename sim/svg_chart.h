// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evenkeel/sim/scenario.h"

// Drawings over a run's time as SVG, which a browser shows without any script.
namespace evenkeel::sim {

// A part of the time to shade, with its name.
struct Shade {
  Window window;
  std::string label;
};

struct Line {
  std::string label;
  std::vector<std::optional<double>> values;  // equally spaced over the time; nothing: a gap
};

struct Chart {
  std::string title;
  std::string unit;  // after the numbers of the axis
  Window time;
  std::vector<Shade> shades;
  std::vector<Line> lines;  // the first is drawn last, on top
};
[[nodiscard]] std::string draw(const Chart& chart);

// What a backend was at some time, as coloured bars in a lane of its own.
struct Bar {
  Window window;
  std::string state;  // a CSS class and the words of its tooltip
};
struct Lane {
  std::string name;
  std::vector<Bar> bars;
};
struct Lanes {
  std::string title;
  Window time;
  std::vector<Shade> shades;
  std::vector<Lane> lanes;
};
[[nodiscard]] std::string draw(const Lanes& lanes);

// The style of both; once in a page.
[[nodiscard]] std::string chart_style();

// Text for HTML and SVG.
[[nodiscard]] std::string escape_markup(const std::string& text);

}  // namespace evenkeel::sim
