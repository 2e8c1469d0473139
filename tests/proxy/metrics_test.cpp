// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

#include "evenkeel/proxy/admin.h"
#include "evenkeel/proxy/events.h"

namespace evenkeel::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() {
    core::Config made;
    made.listeners.emplace_back().name = "web";
    core::PoolPolicy pool;
    pool.name = "main";
    pool.backends.resize(2);
    pool.backends[0].id = "b0";
    pool.backends[1].id = "b\"1";
    made.pools.push_back(pool);
    made.pools.push_back(pool);
    made.pools[1].name = "spare";
    made.pools[1].backends[1].removed = true;
    made.routes.emplace_back().name = "all";
    made.routes[0].rate_limit.requests_per_second = core::Decimal{1000};
    config = std::make_shared<const core::Config>(made);
    balancer = std::make_unique<core::Balancer>(config, core::Balancer::Options{}, core::Instant{});
    metrics = std::make_unique<WorkerMetrics>(*config);
  }
  MetricsView view() const {
    return {*config, *balancer, *metrics, net::PipelineCounts{}, net::AcceptCounts{}, 3, 250};
  }
  std::string text() const { return metrics_text(view()); }
  void request(unsigned status, core::Duration took = 1ms, unsigned attempts = 1,
               core::Flag flags = core::Flag::none) {
    net::RequestEnd end;
    end.record.method = core::Method::get;
    end.record.status = static_cast<std::uint16_t>(status);
    end.record.attempts = static_cast<std::uint8_t>(attempts);
    end.record.flags = flags;
    end.record.backend = core::BackendIndex(1);
    end.record.pool = core::PoolIndex(taken_by);
    end.record.queued = 3ms;
    end.record.rejection = rejection;
    end.ended = end.record.arrived + took;
    metrics->on_request_ended(end);
  }
  void change(core::TransitionKind kind, core::TransitionReason reason, unsigned from,
              unsigned to) {
    transition.kind = kind;
    transition.reason = reason;
    transition.from = static_cast<std::uint8_t>(from);
    transition.to = static_cast<std::uint8_t>(to);
    metrics->on_transition(transition);
  }

  std::shared_ptr<const core::Config> config;
  std::unique_ptr<core::Balancer> balancer;
  std::unique_ptr<WorkerMetrics> metrics;
  core::Transition transition;
  unsigned taken_by = 0;
  std::optional<core::RejectCause> rejection;
};

TEST_F(MetricsTest, RequestsAreCountedByMethodAndCode) {
  request(200);
  request(200);
  request(404);
  EXPECT_THAT(text(),
              HasSubstr("evenkeel_requests_total{route=\"all\",pool=\"main\",method=\"GET\","
                        "code=\"200\"} 2\n"));
  EXPECT_THAT(text(), HasSubstr("code=\"404\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_backend_requests_total{pool=\"main\",backend=\"b\\\"1\","
                                "code_class=\"2xx\"} 2\n"));
}

TEST_F(MetricsTest, OddStatusesAreCountedWithoutHarm) {
  request(0);
  request(999);
  EXPECT_THAT(text(), HasSubstr("code=\"0\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("code=\"999\"} 1\n"));
}

TEST_F(MetricsTest, DurationsFillCumulativeBuckets) {
  request(200, 5ms);
  request(200, 5ms + 1ns);
  request(200, 1min);
  EXPECT_THAT(text(), HasSubstr("le=\"0.005\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("le=\"0.01\"} 2\n"));
  EXPECT_THAT(text(), HasSubstr("le=\"10\"} 2\n"));
  EXPECT_THAT(text(), HasSubstr("le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_request_duration_seconds_count{route=\"all\","
                                "pool=\"main\"} 3\n"));
}

TEST_F(MetricsTest, RetriesAreAttemptsAfterTheFirstWithoutTheHedge) {
  request(200, 1ms, 3);
  request(502, 1ms, 2);
  request(200, 1ms, 2, core::Flag::hedged);
  EXPECT_THAT(text(), HasSubstr("evenkeel_retries_total{pool=\"main\",outcome=\"success\"} 2\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_retries_total{pool=\"main\",outcome=\"failure\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_hedges_total{pool=\"main\"} 1\n"));
}

TEST_F(MetricsTest, ChangesOfVerdictsAreCounted) {
  change(core::TransitionKind::ejection, core::TransitionReason::consecutive_failures, 0, 1);
  change(core::TransitionKind::ejection, core::TransitionReason::ejection_over, 1, 0);
  change(core::TransitionKind::breaker, core::TransitionReason::failure_rate, 0, 1);
  change(core::TransitionKind::health, core::TransitionReason::checks_failed, 1, 2);
  EXPECT_THAT(text(), HasSubstr("evenkeel_outlier_ejections_total{pool=\"main\",backend=\"b0\","
                                "reason=\"consecutive_failures\",enforced=\"true\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_circuit_breaker_transitions_total{pool=\"main\","
                                "backend=\"b0\",to=\"open\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("to=\"unhealthy\"} 1\n"));
}

TEST_F(MetricsTest, EveryReasonOfAnEjectionHasAPlace) {
  change(core::TransitionKind::ejection, core::TransitionReason::latency, 0, 1);
  EXPECT_THAT(text(), HasSubstr("reason=\"latency\",enforced=\"true\"} 1\n"));
}

TEST_F(MetricsTest, RequestsAreCountedByThePoolThatTookThem) {
  EXPECT_THAT(text(), Not(HasSubstr("route=\"all\",pool=\"spare\""))) << "none yet";
  taken_by = 1;
  request(200);
  EXPECT_THAT(text(), HasSubstr("evenkeel_requests_total{route=\"all\",pool=\"spare\","
                                "method=\"GET\",code=\"200\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_request_duration_seconds_count{route=\"all\","
                                "pool=\"main\"} 0\n"));
}

TEST_F(MetricsTest, LimitsAndQueuesAreCounted) {
  rejection = core::RejectCause::rate_limited;
  request(429);
  rejection = core::RejectCause::queue_full;
  request(503);
  rejection.reset();
  request(200, 5ms, 1, core::Flag::queued);
  EXPECT_THAT(text(), HasSubstr("evenkeel_rate_limited_total{route=\"all\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_queue_shed_total{pool=\"main\",reason=\"queue_full\"} "
                                "1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_queue_depth{pool=\"main\"} 0\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_queue_wait_seconds_count{pool=\"main\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_queue_wait_seconds_bucket{pool=\"main\",le=\"0.005\"} "
                                "1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_overload_pressure_ratio{resource=\"memory\"} 0.25\n"));
}

TEST_F(MetricsTest, PanicIsAPools) {
  transition.backend.pool = core::PoolIndex(1);
  change(core::TransitionKind::panic, core::TransitionReason::few_healthy, 0, 1);
  change(core::TransitionKind::panic, core::TransitionReason::enough_healthy, 1, 0);
  request(200, 1ms, 1, core::Flag::panic);
  EXPECT_THAT(text(), HasSubstr("evenkeel_pool_panics_total{pool=\"spare\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_pool_panic{pool=\"main\"} 0\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_panic_requests_total{pool=\"main\"} 1\n"));
  EXPECT_THAT(transition_fields(*config, transition),
              HasSubstr(R"("event":"panic","pool":"spare","from":"on","to":"off",)"
                        R"("reason":"enough_healthy")"));
}

TEST_F(MetricsTest, StatesFollowTheStanding) {
  const core::BackendRef second{core::PoolIndex(0), core::BackendIndex(1)};
  balancer->set_admin(core::Instant{}, second, core::AdminState::drain);
  const auto state = [](std::string_view name, int on) {
    return "evenkeel_backend_state{pool=\"main\",backend=\"b\\\"1\",state=\"" + std::string(name) +
           "\"} " + std::to_string(on) + "\n";
  };
  EXPECT_THAT(text(), HasSubstr(state("draining", 1)));
  EXPECT_THAT(text(), HasSubstr(state("eligible", 0)));
  EXPECT_THAT(text(), HasSubstr(state("down", 0)));
  change(core::TransitionKind::admin, core::TransitionReason::requested, 0, 1);
  EXPECT_THAT(transition_fields(*config, transition),
              HasSubstr(R"("event":"admin_state","pool":"main","backend":"b0","from":"ready",)"));
}

TEST_F(MetricsTest, WhatWasRemovedIsNotShown) {
  EXPECT_THAT(text(), HasSubstr("pool=\"spare\",backend=\"b0\""));
  EXPECT_THAT(text(), Not(HasSubstr("pool=\"spare\",backend=\"b\\\"1\"")));
}

TEST_F(MetricsTest, TheTextIsWellFormed) {
  request(200);
  metrics->on_refused(0, 400);
  std::istringstream lines(text());
  std::set<std::string> series;
  std::map<std::string, int> types;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_EQ(++types[name], 1) << name << " is described twice";
      EXPECT_TRUE(name.starts_with("evenkeel_")) << name;
    } else if (!line.starts_with("#")) {
      const std::string name = line.substr(0, line.rfind(' '));
      EXPECT_TRUE(series.insert(name).second) << name << " appears twice";
    }
  }
  EXPECT_GT(types.size(), 20U);
  EXPECT_THAT(text(), HasSubstr("evenkeel_access_log_dropped_total 3\n"));
  EXPECT_THAT(text(), HasSubstr("evenkeel_build_info{version="));
}

TEST_F(MetricsTest, EventsNameTheChangeAndItsEvidence) {
  transition.at = core::Instant(1s);
  transition.until = core::Instant(11s);
  transition.evidence = 5;
  transition.backend.backend = core::BackendIndex(1);
  change(core::TransitionKind::ejection, core::TransitionReason::consecutive_failures, 0, 1);
  EXPECT_EQ(transition_fields(*config, transition),
            R"("event":"ejected","pool":"main","backend":"b\"1","from":"in","to":"out",)"
            R"("reason":"consecutive_failures","evidence":5,"for_ms":10000)");
}

class AdminApiTest : public MetricsTest {
 protected:
  AdminApi api{[this] { return view(); }, [this] { return ready; }};
  bool ready = true;
};

TEST_F(AdminApiTest, ReadinessFollowsTheDrainAndLivenessDoesNot) {
  EXPECT_EQ(api.answer("GET", "/readyz").status, 200U);
  ready = false;
  EXPECT_EQ(api.answer("GET", "/readyz").status, 503U);
  EXPECT_EQ(api.answer("GET", "/livez").status, 200U);
}

TEST_F(AdminApiTest, NothingButReadingIsAllowed) {
  for (const char* path : {"/livez", "/readyz", "/health", "/metrics", "/admin/v1/backends"}) {
    EXPECT_EQ(api.answer("GET", path).status, 200U) << path;
    EXPECT_EQ(api.answer("HEAD", path).status, 200U) << path;
    EXPECT_EQ(api.answer("POST", path).status, 405U) << path;
  }
  EXPECT_EQ(api.answer("GET", "/metricsx").status, 404U);
  EXPECT_EQ(api.answer("POST", "/").status, 404U);
}

TEST_F(AdminApiTest, BackendsAreDescribed) {
  const AdminResponse answer = api.answer("GET", "/admin/v1/backends?x=1");
  EXPECT_EQ(answer.type, "application/json");
  EXPECT_THAT(answer.body, HasSubstr(R"("backend":"b\"1")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("breaker":"closed")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("standing":"eligible","admin":"ready")"));
  EXPECT_THAT(api.answer("GET", "/health").body, HasSubstr(R"("status":"healthy")"));
}

}  // namespace
}  // namespace evenkeel::proxy
