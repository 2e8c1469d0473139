// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "evenkeel/sim/metrics.h"

// The accumulators behind the table of metrics.cpp, by what they listen to.
namespace evenkeel::sim {

using Maker = std::unique_ptr<Accumulator> (*)(const MeasureContext& context);

// What is known of the requests of a window.
struct RequestTotals {
  std::uint64_t ended = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t answered = 0;   // with a status
  std::uint64_t attempted = 0;  // got a first attempt
  std::uint64_t attempts = 0;
  double seconds = 0;  // length of the window
};
// What is known of the attempts of a window.
struct AttemptTotals {
  std::uint64_t here = 0;  // that `where` selects
  std::uint64_t all = 0;
  std::uint64_t first = 0;
  std::uint64_t retries = 0;
  std::uint64_t hedges = 0;
};
// What is known of the verdicts and checks of a window.
struct VerdictTotals {
  std::uint64_t health_changes = 0;
  std::uint64_t ejections = 0;
  std::uint64_t breaker_opens = 0;
  std::uint64_t checks = 0;
  double seconds = 0;
};

using Figure = std::optional<double>;
using OfRequests = Figure (*)(const RequestTotals& totals);
using OfAttempts = Figure (*)(const AttemptTotals& totals);
using OfVerdicts = Figure (*)(const VerdictTotals& totals);

[[nodiscard]] std::unique_ptr<Accumulator> count_requests(const MeasureContext& context,
                                                          OfRequests figure);
[[nodiscard]] std::unique_ptr<Accumulator> count_attempts(const MeasureContext& context,
                                                          OfAttempts figure);
[[nodiscard]] std::unique_ptr<Accumulator> count_verdicts(const MeasureContext& context,
                                                          OfVerdicts figure);

// A statistic of a latency: the nearest-rank quantile numerator/denominator, or the mean.
struct Statistic {
  bool mean = false;
  std::uint64_t numerator = 1;
  std::uint64_t denominator = 1;
};
// Of every request that was not rejected, counted from its scheduled arrival: an overload must not
// look better because its victims are left out.
[[nodiscard]] std::unique_ptr<Accumulator> make_latency(const MeasureContext& context,
                                                        Statistic statistic);
// Of successes, without the network: what a failed request waited for is no service.
[[nodiscard]] std::unique_ptr<Accumulator> make_service_latency(const MeasureContext& context,
                                                                Statistic statistic);

[[nodiscard]] std::unique_ptr<Accumulator> make_imbalance(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_queue_length(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_utilisation(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_in_flight_max(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_half_open_in_flight_max(
    const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_detection_time(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_resume_time(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_recovery_time(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_double_deliveries(const MeasureContext& context);
[[nodiscard]] std::unique_ptr<Accumulator> make_invariant(const MeasureContext& context,
                                                          Invariant invariant);

// Whether `where` and the window of a context select a request.
class RequestFilter {
 public:
  explicit RequestFilter(const MeasureContext& context);
  [[nodiscard]] bool selects(const RequestSample& sample) const;

 private:
  Window window_;
  std::optional<core::Method> method_;
  std::optional<StatusSpan> status_;
  std::optional<std::uint32_t> backend_;
  std::optional<std::uint32_t> traffic_;
};

}  // namespace evenkeel::sim
