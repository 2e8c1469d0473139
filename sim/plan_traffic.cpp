// SPDX-License-Identifier: Apache-2.0
//
// `traffic:` and `faults:`: what the world does to the balancer.
#include <algorithm>
#include <utility>

#include "plan_reading.h"

namespace evenkeel::sim {
namespace {

using core::DocumentNode;
using core::Duration;
using core::Instant;
using Kind = core::DocumentNode::Kind;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;

constexpr double kMaxRate = 10'000'000;
constexpr Duration kLongest = 24 * 366h;

bool read_rate(const DocumentNode& node, const std::string& path, core::ErrorSink& errors,
               MilliHertz& rate) {
  double value = 0;
  if (!core::read_scalar(node, path, core::number(value, 0, kMaxRate), errors)) return false;
  rate = MilliHertz{nearest(value * 1000)};
  return true;
}

// A number, or [[time, rate], …].
void read_rates(core::MapReader& reader, ArrivalModel& arrivals) {
  const DocumentNode* node = reader.take_required("rate");
  if (node == nullptr) return;
  core::ErrorSink& errors = reader.errors();
  const std::string path = reader.path("rate");
  if (node->kind == Kind::scalar) {
    RatePoint point;
    if (!read_rate(*node, path, errors, point.rate)) return;
    if (count(point.rate) == 0) reader.fail("rate", "expected more than 0 requests per second");
    arrivals.points.push_back(point);
    return;
  }
  if (node->kind != Kind::sequence || node->items.empty()) {
    reader.fail("rate", "expected requests per second, or a list of points [time, rate], found " +
                            core::describe(*node));
    return;
  }
  bool any = false;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const DocumentNode& item = node->items[i];
    const std::string place = path + "[" + std::to_string(i) + "]";
    if (item.kind != Kind::sequence || item.items.size() != 2) {
      errors.add(item.where, place, "expected [time, rate], found " + core::describe(item));
      continue;
    }
    Duration at{};
    RatePoint point;
    if (!core::read_scalar(item.items[0], place + "[0]", core::duration(at, 0ns, kLongest),
                           errors) ||
        !read_rate(item.items[1], place + "[1]", errors, point.rate)) {
      continue;
    }
    point.at = Instant(at);
    if (!arrivals.points.empty() && point.at < arrivals.points.back().at) {
      errors.add(item.where, place, "must not be before the point above it");
    }
    any = any || count(point.rate) > 0;
    arrivals.points.push_back(point);
  }
  if (!any) reader.fail("rate", "expected at least one point with more than 0 requests per second");
}

std::vector<MethodShare> read_methods(const DocumentNode& node, const std::string& path,
                                      core::ErrorSink& errors) {
  std::vector<MethodShare> methods;
  if (node.kind != Kind::map || node.members.empty()) {
    errors.add(node.where, path,
               "expected a map such as {GET: 0.8, POST: 0.2}, found " + core::describe(node));
    return methods;
  }
  std::uint64_t sum = 0;
  for (const core::DocumentMember& member : node.members) {
    const core::Method method = core::method_from(member.key);
    if (method == core::Method::other || method == core::Method::connect) {
      errors.add(member.where, path + "." + member.key,
                 "expected GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE or PATCH");
      continue;
    }
    double share = 0;
    if (!core::read_scalar(member.value, path + "." + member.key, core::number(share, 0.000001, 1),
                           errors)) {
      continue;
    }
    methods.push_back({method, Millionths{to_millionths(share)}});
    sum += to_millionths(share);
  }
  if (methods.size() == node.members.size() && sum != count(kOne)) {
    errors.add(node.where, path, "the shares must add up to 1");
  }
  return methods;
}

TrafficModel read_stream(const DocumentNode& node, const std::string& path,
                         core::ErrorSink& errors) {
  TrafficModel traffic;
  core::MapReader reader(node, path, errors);
  reader.required("name", core::name(traffic.name));
  if (const DocumentNode* arrivals = reader.take_required("arrivals")) {
    core::MapReader inner(*arrivals, reader.path("arrivals"), errors);
    inner.optional("process", core::choice(traffic.arrivals.process,
                                           {{"poisson", ArrivalProcess::poisson},
                                            {"constant", ArrivalProcess::constant}}));
    read_rates(inner, traffic.arrivals);
    inner.finish();
  }
  traffic.methods = {{core::Method::get, kOne}};
  if (const DocumentNode* methods = reader.take("methods")) {
    traffic.methods = read_methods(*methods, reader.path("methods"), errors);
  }
  reader.optional("timeout", core::duration(traffic.timeout, 1ms, kLongest));
  if (const DocumentNode* body = reader.take("body")) {
    constexpr std::uint64_t kLargest = 1ULL << 40U;
    core::MapReader inner(*body, reader.path("body"), errors);
    inner.optional("request", core::bytes(traffic.request_bytes, 0, kLargest));
    inner.optional("response", core::bytes(traffic.response_bytes, 0, kLargest));
    inner.finish();
  }
  reader.finish();
  return traffic;
}

// Returns whether the fault makes sense.
bool read_fault(const DocumentNode& node, const std::string& path, const Scenario& scenario,
                core::ErrorSink& errors, Fault& fault) {
  core::MapReader reader(node, path, errors);
  bool good =
      reader.required("kind", core::choice(fault.kind, {{"crash", FaultKind::crash},
                                                        {"black_hole", FaultKind::black_hole},
                                                        {"slow", FaultKind::slow}}));
  std::string target;
  if (reader.required("target", core::name(target))) {
    const auto index = backend_named(scenario, target);
    if (index) {
      fault.target = *index;
    } else {
      reader.fail("target", "there is no backend \"" + target + "\" in the world");
      good = false;
    }
  } else {
    good = false;
  }
  Duration at{};
  Duration until{};
  if (reader.required("at", core::duration(at, 0ns, kLongest))) {
    fault.at = Instant(at);
    if (at >= scenario.duration) reader.fail("at", "must be before the end of the run");
  }
  if (reader.optional("until", core::duration(until, 0ns, kLongest))) {
    fault.until = Instant(until);
    if (until <= at) reader.fail("until", "must be after `at`");
  }
  double factor = 0;
  const bool slow = fault.kind == FaultKind::slow;
  if (slow && reader.required("factor", core::number(factor, 1, 1'000'000))) {
    fault.factor = Millionths{to_millionths(factor)};
  } else if (!slow && reader.has("factor")) {
    static_cast<void>(reader.take("factor"));
    reader.fail("factor", "only a slow backend has a factor");
  }
  reader.finish();
  return good;
}

bool overlap(const Fault& a, const Fault& b) {
  return a.kind == b.kind && a.target == b.target && a.at < b.until && b.at < a.until;
}

}  // namespace

std::vector<TrafficModel> read_traffic(core::MapReader& root) {
  std::vector<TrafficModel> traffic;
  const auto items = root.take_items("traffic", 1);
  for (std::size_t i = 0; i < items.size(); ++i) {
    traffic.push_back(read_stream(items[i], root.path("traffic", i), root.errors()));
    for (std::size_t k = 0; k < i; ++k) {
      if (traffic[k].name != traffic[i].name || traffic[i].name.empty()) continue;
      root.errors().add(items[i].where, root.path("traffic", i),
                        "another one is called \"" + traffic[i].name + "\" too");
    }
  }
  return traffic;
}

std::vector<Fault> read_faults(core::MapReader& root, const Scenario& scenario) {
  std::vector<Fault> faults;
  const auto items = root.take_items("faults");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string path = root.path("faults", i);
    Fault fault;
    if (!read_fault(items[i], path, scenario, root.errors(), fault)) continue;
    const bool twice = std::any_of(faults.begin(), faults.end(), [&fault](const Fault& earlier) {
      return overlap(earlier, fault);
    });
    if (twice) {
      root.errors().add(items[i].where, path,
                        "the same backend has a fault of this kind at the same time");
    }
    faults.push_back(fault);
  }
  return faults;
}

}  // namespace evenkeel::sim
