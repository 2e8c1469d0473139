// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/arrivals.h"

namespace evenkeel::sim {

namespace {

__extension__ using Wide = unsigned __int128;

// Milli-requests per second times nanoseconds in the first `elapsed` of a piece that goes linearly
// from `from` to `to` within `length`.
Wide area(std::uint64_t from, std::uint64_t to, std::uint64_t length, std::uint64_t elapsed) {
  const Wide base = static_cast<Wide>(from) * elapsed;
  if (from == to) return base;
  const Wide rise = static_cast<Wide>(to > from ? to - from : from - to) * elapsed / 2;
  const Wide slope = rise * elapsed / length;
  return to > from ? base + slope : base - slope;
}

// The least `elapsed` whose area reaches `wanted`, given that the whole piece does.
std::uint64_t reach(std::uint64_t from, std::uint64_t to, std::uint64_t length, Wide wanted) {
  if (from == to) return static_cast<std::uint64_t>((wanted + from - 1) / from);
  std::uint64_t low = 0;
  std::uint64_t high = length;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (area(from, to, length, middle) >= wanted) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::uint64_t rate_at(const RatePoint& a, const RatePoint& b, core::Instant at) {
  const std::uint64_t from = count(a.rate);
  const std::uint64_t to = count(b.rate);
  const auto length = static_cast<std::uint64_t>((b.at - a.at).count());
  const auto elapsed = static_cast<std::uint64_t>((at - a.at).count());
  if (length == 0) return to;
  const Wide change = static_cast<Wide>(to > from ? to - from : from - to) * elapsed / length;
  return static_cast<std::uint64_t>(to > from ? from + change : from - change);
}

}  // namespace

Arrivals::Arrivals(const TrafficModel& model, std::uint32_t traffic, core::Seed seed)
    : model_(model),
      gaps_(core::Stream(seed, "arrivals").of(traffic)),
      methods_(core::Stream(seed, "methods").of(traffic)) {}

core::Instant Arrivals::next() {
  if (at_ == core::kNever) return at_;
  Wide wanted = kRequest;
  if (model_.arrivals.process == ArrivalProcess::poisson) {
    wanted = (static_cast<Wide>(core::negative_log(gaps_.at(count_))) * kRequest) >>
             core::kNegativeLogFractionBits;
  }
  ++count_;
  const auto& points = model_.arrivals.points;
  for (;;) {
    while (segment_ < points.size() && points[segment_].at <= at_) ++segment_;
    if (segment_ == points.size()) {  // after the last point its rate stays
      const std::uint64_t rate = count(points.back().rate);
      const std::uint64_t elapsed = rate == 0 ? ~std::uint64_t{0} : reach(rate, rate, 0, wanted);
      const auto left = static_cast<std::uint64_t>((core::kNever - at_).count());
      at_ =
          elapsed >= left ? core::kNever : at_ + core::Duration(static_cast<std::int64_t>(elapsed));
      return at_;
    }
    const RatePoint& b = points[segment_];
    const RatePoint& a = segment_ == 0 ? RatePoint{core::Instant{}, b.rate} : points[segment_ - 1];
    const std::uint64_t from = rate_at(a, b, at_);
    const std::uint64_t to = count(b.rate);
    const auto length = static_cast<std::uint64_t>((b.at - at_).count());
    const Wide available = area(from, to, length, length);
    if (available >= wanted && available > 0) {
      at_ += core::Duration(static_cast<std::int64_t>(reach(from, to, length, wanted)));
      return at_;
    }
    wanted -= available;
    at_ = b.at;
  }
}

core::Method Arrivals::method() const {
  std::uint64_t draw = methods_.below(count(kOne), count_ - 1);
  for (const MethodShare& share : model_.methods) {
    if (draw < count(share.share)) return share.method;
    draw -= count(share.share);
  }
  return model_.methods.back().method;
}

}  // namespace evenkeel::sim
