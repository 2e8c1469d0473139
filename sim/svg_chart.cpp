// SPDX-License-Identifier: Apache-2.0
#include "svg_chart.h"

#include <algorithm>
#include <array>

#include "evenkeel/sim/numbers.h"

namespace evenkeel::sim {
namespace {

// In units of the view box, which browsers scale to the width of the page.
constexpr double kWidth = 960;
constexpr double kLeft = 70;
constexpr double kRight = 20;
constexpr double kTop = 26;
constexpr double kPlot = 130;
constexpr double kBottom = 22;
constexpr double kLane = 16;
constexpr std::size_t kColours = 6;

std::string coordinate(double value) { return fixed(value, 1); }

double x_of(const Window& time, core::Instant at) {
  const auto length = static_cast<double>((time.until - time.from).count());
  const core::Instant inside = std::clamp(at, time.from, time.until);
  return kLeft +
         (kWidth - kLeft - kRight) * static_cast<double>((inside - time.from).count()) / length;
}

// The smallest of 1, 2, 5, 10, 20, … that is not below `value`.
double round_up(double value) {
  double unit = 1e-6;
  while (unit * 10 < value) unit *= 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (unit * factor >= value) return unit * factor;
  }
  return unit * 10;
}

std::string text_at(double x, double y, const char* css, const std::string& text) {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" class=\"" + css + "\">" +
         escape_markup(text) + "</text>\n";
}

std::string line_between(double x1, double y1, double x2, double y2) {
  return "<line x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" +
         coordinate(x2) + "\" y2=\"" + coordinate(y2) + "\"/>\n";
}

std::string rectangle(double x1, double x2, double y, double height, const std::string& css,
                      const std::string& tooltip) {
  return "<rect x=\"" + coordinate(x1) + "\" y=\"" + coordinate(y) + "\" width=\"" +
         coordinate(std::max(x2 - x1, 1.0)) + "\" height=\"" + coordinate(height) + "\" class=\"" +
         css + "\"><title>" + escape_markup(tooltip) + "</title></rect>\n";
}

std::string open_svg(const std::string& title, double height) {
  return "<svg viewBox=\"0 0 " + coordinate(kWidth) + " " + coordinate(height) +
         "\" role=\"img\" aria-label=\"" + escape_markup(title) + "\">\n" +
         text_at(kLeft, 14, "title", title);
}

std::string span_text(const Window& window) {
  return duration_text(window.from.time_since_epoch()) + " to " +
         duration_text(window.until.time_since_epoch());
}

std::string shades(const std::vector<Shade>& shades, const Window& time, double height) {
  std::string text;
  for (const Shade& shade : shades) {
    text += rectangle(x_of(time, shade.window.from), x_of(time, shade.window.until), kTop, height,
                      "fault", shade.label + ", " + span_text(shade.window));
  }
  return text;
}

// Ticks of whole seconds, about ten of them.
std::string time_axis(const Window& time, double height) {
  const double seconds = static_cast<double>((time.until - time.from).count()) / 1e9;
  const double step = std::max(1.0, round_up(seconds / 10));
  std::string text;
  for (int i = 0; step * i <= seconds; ++i) {
    const core::Duration offset(static_cast<std::int64_t>(step * i * 1e9));
    const double x = x_of(time, time.from + offset);
    text += line_between(x, kTop + height, x, kTop + height + 4);
    text += text_at(x, kTop + height + 16, "time",
                    duration_text((time.from + offset).time_since_epoch()));
  }
  return text;
}

double highest(const Chart& chart) {
  double most = 0;
  for (const Line& line : chart.lines) {
    for (const std::optional<double>& value : line.values) most = std::max(most, value.value_or(0));
  }
  return most > 0 ? round_up(most) : 1;
}

std::string value_axis(const Chart& chart, double top) {
  std::string text;
  for (const double part : {0.0, 0.5, 1.0}) {
    const double y = kTop + kPlot * (1 - part);
    text += line_between(kLeft, y, kWidth - kRight, y);
    text += text_at(kLeft - 6, y + 4, "value", figure(top * part, Unit::ratio) + chart.unit);
  }
  return text;
}

std::string polyline(const std::string& points, std::size_t colour) {
  if (points.empty()) return "";
  return "<polyline class=\"line-" + std::to_string(colour) + "\" points=\"" + points + "\"/>\n";
}

std::string draw_line(const Line& line, std::size_t colour, double top) {
  const double width = (kWidth - kLeft - kRight) / static_cast<double>(line.values.size());
  std::string text;
  std::string points;
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    if (!line.values[i]) {
      text += polyline(points, colour);
      points.clear();
      continue;
    }
    points += (points.empty() ? "" : " ") +
              coordinate(kLeft + width * (static_cast<double>(i) + 0.5)) + "," +
              coordinate(kTop + kPlot * (1 - *line.values[i] / top));
  }
  return text + polyline(points, colour);
}

std::string legend(const Chart& chart) {
  std::string text;
  double x = kWidth - kRight;
  for (std::size_t i = chart.lines.size(); i-- > 0;) {
    x -= 8 * static_cast<double>(chart.lines[i].label.size()) + 16;
    text += text_at(x, 14, ("key-" + std::to_string(i % kColours)).c_str(),
                    "■ " + chart.lines[i].label);
  }
  return text;
}

}  // namespace

std::string escape_markup(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string draw(const Chart& chart) {
  const double top = highest(chart);
  std::string text = open_svg(chart.title, kTop + kPlot + kBottom) +
                     shades(chart.shades, chart.time, kPlot) + value_axis(chart, top) +
                     time_axis(chart.time, kPlot);
  for (std::size_t i = chart.lines.size(); i-- > 0;) {
    text += draw_line(chart.lines[i], i % kColours, top);
  }
  return text + legend(chart) + "</svg>\n";
}

std::string draw(const Lanes& lanes) {
  const double height = kLane * static_cast<double>(lanes.lanes.size());
  std::string text = open_svg(lanes.title, kTop + height + kBottom) +
                     shades(lanes.shades, lanes.time, height) + time_axis(lanes.time, height);
  for (std::size_t i = 0; i < lanes.lanes.size(); ++i) {
    const double y = kTop + kLane * static_cast<double>(i);
    text += text_at(kLeft - 6, y + kLane - 4, "value", lanes.lanes[i].name);
    text += rectangle(kLeft, kWidth - kRight, y + 3, kLane - 6, "in", "in rotation");
    for (const Bar& bar : lanes.lanes[i].bars) {
      text += rectangle(x_of(lanes.time, bar.window.from), x_of(lanes.time, bar.window.until),
                        y + 3, kLane - 6, bar.state, bar.state + ", " + span_text(bar.window));
    }
  }
  return text + "</svg>\n";
}

std::string chart_style() {
  constexpr std::array<const char*, kColours> kPalette = {"#1565c0", "#d84315", "#2e7d32",
                                                          "#6a1b9a", "#00838f", "#9e7700"};
  std::string css =
      "svg{width:100%;height:auto;margin:.4em 0;font:11px system-ui,sans-serif}\n"
      "svg text{fill:currentColor}svg .title{font-weight:600;font-size:13px}\n"
      "svg .value{text-anchor:end}svg .time{text-anchor:middle}\n"
      "svg line{stroke:currentColor;stroke-opacity:.25}\n"
      "svg .fault{fill:#e53935;fill-opacity:.12}svg .in{fill:#43a047;fill-opacity:.25}\n"
      "svg .ejected{fill:#fb8c00}svg .unhealthy{fill:#e53935}svg .breaker-open{fill:#8e24aa}\n"
      "svg polyline{fill:none;stroke-width:1.3}\n";
  for (std::size_t i = 0; i < kColours; ++i) {
    const std::string number = std::to_string(i);
    css.append("svg .line-").append(number).append("{stroke:").append(kPalette[i]);
    css.append("}svg text.key-").append(number).append("{fill:").append(kPalette[i]).append("}\n");
  }
  return css;
}

}  // namespace evenkeel::sim
