// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/histogram.h"
#include "metric_makers.h"

namespace evenkeel::sim {
namespace {

double seconds_of(const Window& window) {
  return static_cast<double>((window.until - window.from).count()) / 1e9;
}

class RequestCounter final : public Accumulator {
 public:
  RequestCounter(const MeasureContext& context, OfRequests figure)
      : filter_(context), figure_(figure) {
    totals_.seconds = seconds_of(context.window);
  }

  void on_request(const RequestSample& sample) override {
    if (!filter_.selects(sample)) return;
    ++totals_.ended;
    switch (sample.ending) {
      case Ending::success:
        ++totals_.succeeded;
        break;
      case Ending::failed:
        ++totals_.failed;
        break;
      case Ending::rejected:
        ++totals_.rejected;
        break;
    }
    if (sample.status != 0) ++totals_.answered;
    if (sample.attempts > 0) ++totals_.attempted;
    totals_.attempts += sample.attempts;
  }
  [[nodiscard]] Figure value(const RunResult&) const override { return figure_(totals_); }

 private:
  RequestFilter filter_;
  OfRequests figure_;
  RequestTotals totals_;
};

enum class Span : std::uint8_t { whole, service };

class LatencyMeter final : public Accumulator {
 public:
  LatencyMeter(const MeasureContext& context, Span span, Statistic statistic)
      : filter_(context), span_(span), statistic_(statistic) {}

  void on_request(const RequestSample& sample) override {
    if (!filter_.selects(sample)) return;
    if (span_ == Span::service) {
      if (sample.ending == Ending::success) latencies_.add(sample.service_latency);
    } else if (sample.ending != Ending::rejected) {
      latencies_.add(sample.ended - sample.scheduled);
    }
  }
  [[nodiscard]] Figure value(const RunResult&) const override {
    if (latencies_.empty()) return std::nullopt;
    const core::Duration figure =
        statistic_.mean ? latencies_.mean()
                        : latencies_.quantile(statistic_.numerator, statistic_.denominator);
    return static_cast<double>(figure.count());
  }

 private:
  RequestFilter filter_;
  Span span_;
  Statistic statistic_;
  Histogram latencies_;
};

}  // namespace

RequestFilter::RequestFilter(const MeasureContext& context)
    : window_(context.window), method_(context.where.method), status_(context.where.status) {
  const Where& where = context.where;
  if (!where.backend.empty()) backend_ = backend_named(context.scenario, where.backend);
  if (!where.traffic.empty()) traffic_ = traffic_named(context.scenario, where.traffic);
}

bool RequestFilter::selects(const RequestSample& sample) const {
  if (!window_.contains(sample.scheduled)) return false;
  if (method_ && sample.method != *method_) return false;
  if (status_ && (sample.status < status_->first || sample.status > status_->last)) return false;
  if (backend_ && sample.backend != *backend_) return false;
  return !traffic_ || sample.traffic == *traffic_;
}

std::unique_ptr<Accumulator> count_requests(const MeasureContext& context, OfRequests figure) {
  return std::make_unique<RequestCounter>(context, figure);
}

std::unique_ptr<Accumulator> make_latency(const MeasureContext& context, Statistic statistic) {
  return std::make_unique<LatencyMeter>(context, Span::whole, statistic);
}

std::unique_ptr<Accumulator> make_service_latency(const MeasureContext& context,
                                                  Statistic statistic) {
  return std::make_unique<LatencyMeter>(context, Span::service, statistic);
}

}  // namespace evenkeel::sim
