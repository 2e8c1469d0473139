// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/plan_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sim/small_plan.h"

namespace evenkeel::sim {
namespace {

using ::testing::HasSubstr;

// The small file with one piece of text put in the place of another.
std::string with(const std::string& old_text, const std::string& new_text) {
  std::string text = small_file();
  const std::size_t at = text.find(old_text);
  EXPECT_NE(at, std::string::npos) << old_text;
  return text.replace(at, old_text.size(), new_text);
}

std::string errors_of(const std::string& text) {
  const auto plan = load_plan_text(text, "small.yaml");
  return plan ? "" : core::to_text(plan.error());
}

TEST(PlanLoader, ReadsAScenario) {
  const Plan plan = small_plan(small_file());
  EXPECT_EQ(plan.label, "small");
  EXPECT_EQ(plan.kind, ScenarioKind::chaos);
  EXPECT_EQ(plan.seeds, (std::vector<std::uint64_t>{1, 2}));
  ASSERT_EQ(plan.runs.size(), 2U);
  EXPECT_EQ(plan.runs[0].name, "base");
  EXPECT_EQ(plan.runs[1].name, "worse");
  EXPECT_EQ(plan.runs[1].must_fail, std::vector<std::size_t>{0});
  const Scenario& base = plan.base();
  EXPECT_EQ(base.duration, std::chrono::seconds(100));
  ASSERT_EQ(base.world.backends.size(), 4U);
  EXPECT_EQ(base.world.backends[2].name, "b-3");
  EXPECT_EQ(base.world.backends[2].queue_limit, kUnbounded);
  ASSERT_EQ(base.faults.size(), 1U);
  EXPECT_EQ(base.faults[0].at, at_seconds(40));
  EXPECT_EQ(count(base.traffic[0].arrivals.points.at(0).rate), 10'000U);
}

TEST(PlanLoader, WorldsBackendsFillThePool) {
  const Plan plan = small_plan(small_file());
  const Scenario& base = plan.base();
  const auto& backends = base.proxy.pools.at(0).backends;
  ASSERT_EQ(backends.size(), 4U);
  EXPECT_EQ(backends[0].id, "b-1");
  EXPECT_EQ(backends[0].weight, 3U);
  EXPECT_EQ(core::index(base.world.backends[3].ref.backend), 3U);
  EXPECT_NE(backends[0].endpoint, backends[1].endpoint);
}

TEST(PlanLoader, CountMakesThatManyBackends) {
  const Plan plan = small_plan(with("- {name: b-2, workers: 2, service: {mean: 20ms}}",
                                    "- {name: c, count: 3, service: {mean: 5ms}, speed: 0.5}"));
  const auto& backends = plan.base().world.backends;
  ASSERT_EQ(backends.size(), 6U);
  EXPECT_EQ(backends[1].name, "c-1");
  EXPECT_EQ(backends[3].name, "c-3");
  EXPECT_EQ(backends[3].speed, Millionths{500'000});
}

TEST(PlanLoader, BackendsGoToTheirPools) {
  std::string text = with("pools: [{name: main}]",
                          "pools: [{name: main}, {name: other}]\n"
                          "  routes: [{name: all, split: [{pool: main}]}]");
  for (const char* name : {"b-1", "b-2", "b-4"}) {
    text.insert(text.find(std::string("name: ") + name), "pool: main, ");
  }
  text.insert(text.find("name: b-3"), "pool: other, ");
  const Plan plan = small_plan(text);
  const Scenario& base = plan.base();
  EXPECT_EQ(base.proxy.pools[1].backends.at(0).id, "b-3");
  EXPECT_EQ(core::index(base.world.backends[2].ref.pool), 1U);
  EXPECT_EQ(core::index(base.world.backends[3].ref.backend), 2U);
}

TEST(PlanLoader, VariantsChangeOnlyWhatTheySet) {
  const Plan plan = small_plan(small_file());
  Scenario changed = plan.base();
  EXPECT_TRUE(changed.proxy.pools[0].outlier_detection.enabled);
  changed.proxy.pools[0].outlier_detection =
      plan.runs[1].points[0].proxy.pools[0].outlier_detection;
  EXPECT_EQ(changed, plan.runs[1].points[0]);
  EXPECT_EQ(plan.runs[1].changes,
            std::vector<std::string>{"proxy.pools.main.outlier_detection: off"});
}

TEST(PlanLoader, SweepMovesTheFaultInEqualSteps) {
  const Plan plan = small_plan(
      with("  worse:", "  phases: {sweep: {fault: 0, at: [40s, 42s], points: 4}}\n  worse:"));
  const PlannedRun& sweep = plan.runs[1];
  EXPECT_TRUE(sweep.sweep);
  ASSERT_EQ(sweep.points.size(), 4U);
  EXPECT_EQ(sweep.points[0].faults[0].at, at_seconds(40));
  EXPECT_EQ(sweep.points[3].faults[0].at, at_seconds(41.5));
  EXPECT_EQ(sweep.points[3].faults[0].until, at_seconds(61.5));
}

TEST(PlanLoader, RatesMayBePoints) {
  const Plan plan = small_plan(with("rate: 10}", "rate: [[0s, 0], [10s, 80.5], [10s, 4]]}"));
  const auto& points = plan.base().traffic[0].arrivals.points;
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(count(points[1].rate), 80'500U);
  EXPECT_EQ(points[2].at, at_seconds(10));
}

TEST(PlanLoader, DurationBoundsMayHaveDecimals) {
  const auto bound = [](const std::string& value) {
    return small_file(
        "- {id: a, metric: latency_mean, op: \"<\", value: " + value + ", because: x}\n", "[a]");
  };
  EXPECT_EQ(small_plan(bound("20.7ms")).expectations[0].value, 20'700'000);
  EXPECT_EQ(small_plan(bound("1m30s")).expectations[0].value, 90e9);
  for (const char* wrong : {".5s", "5.s", "1.5", "0.0000001s", "1.5ns", "-1.5s", "x"}) {
    EXPECT_THAT(errors_of(bound(wrong)), HasSubstr("expected a duration")) << wrong;
  }
}

TEST(PlanLoader, DefaultsOfTimeAndNetwork) {
  const Plan plan = small_plan(with("warmup: 10s\n", ""));
  EXPECT_EQ(plan.runs[0].warmup, std::chrono::seconds(10));  // a tenth, at most a minute
  EXPECT_EQ(plan.base().world.network.client.latency, milliseconds(1));
  EXPECT_EQ(plan.base().world.network.backend.jitter, milliseconds(0.05));
  EXPECT_EQ(plan.base().traffic[0].timeout, kPatient);
}

TEST(PlanLoader, HashesSeeValuesAndNotComments) {
  const Plan plan = small_plan(small_file());
  const Plan same = small_plan("# A comment.\n" + small_file());
  const Plan other = small_plan(with("rate: 10}", "rate: 11}"));
  EXPECT_EQ(plan.scenario_hash, same.scenario_hash);
  EXPECT_NE(plan.scenario_hash, other.scenario_hash);
  EXPECT_EQ(plan.config_hash, other.config_hash);
}

struct Fault {
  const char* name;
  const char* old_text;
  const char* new_text;
  const char* message;  // how the first error goes on after the file's name
};

class PlanErrors : public ::testing::TestWithParam<Fault> {};

TEST_P(PlanErrors, AreReportedWithTheirPlace) {
  const Fault& fault = GetParam();
  EXPECT_THAT(errors_of(with(fault.old_text, fault.new_text)), HasSubstr(fault.message));
}

constexpr const char* kExpect = "- {id: few, metric: failures, op: \"<=\", value: 10,";

INSTANTIATE_TEST_SUITE_P(
    Table, PlanErrors,
    ::testing::Values(
        Fault{"unknown_key", "kind: chaos", "kind: chaos\nseed: 1",
              "small.yaml:3:1: seed: unknown key"},
        Fault{"wrong_name", "scenario: small", "scenario: smal",
              "small.yaml:1:11: scenario: expected \"small\""},
        Fault{"wrong_kind", "kind: chaos", "kind: choas", "small.yaml:2:7: kind: expected"},
        Fault{"no_about", "about: A scenario for tests.\n", "", "about: is required"},
        Fault{"warmup_as_long_as_the_run", "warmup: 10s", "warmup: 100s",
              "small.yaml:5:9: warmup: must be shorter than the run"},
        Fault{"seed_twice", "[1, 2]", "[1, 1]", "small.yaml:6:8: seeds: names a seed twice"},
        Fault{"no_seeds", "[1, 2]", "[]", "seeds: expected at least one element"},
        Fault{"missing_include", "pools: [{name: main}]", "include: nowhere.yaml",
              "small.yaml:8:12: proxy.include: nowhere.yaml: "},
        Fault{"bad_policy", "{name: main}", "{name: main, retry: {max_attempts: 0}}",
              "small.yaml:8:46: proxy.pools[0].retry.max_attempts: expected a whole number"},
        Fault{"bad_set", "pools: [{name: main}]",
              "pools: [{name: main}]\n  set: {pools.min.retry.max_attempts: 1}",
              "small.yaml:9:9: proxy.set.pools.min.retry.max_attempts: "},
        Fault{"backend_key", "name: b-2,", "name: b-2, cuont: 2,",
              "small.yaml:12:17: world.backends[1].cuont: unknown key; did you mean \"count\"?"},
        Fault{"unknown_pool", "name: b-1,", "name: b-1, pool: other,",
              "small.yaml:11:5: world.backends: there is no pool \"other\""},
        Fault{"same_name", "name: b-2", "name: b-1",
              "small.yaml:12:5: world.backends: another backend is called \"b-1\" too"},
        Fault{"no_service", "name: b-2, workers: 2, service: {mean: 20ms}", "name: b-2",
              "world.backends[1].service: is required"},
        Fault{"jitter_above_latency",
              "traffic:", "  network: {backend: {latency: 1ms, jitter: 2ms}}\ntraffic:",
              "world.network.backend.jitter: must not be more than the latency"},
        Fault{"no_rate", "arrivals: {rate: 10}", "arrivals: {process: constant}",
              "traffic[0].arrivals.rate: is required"},
        Fault{"zero_rate", "rate: 10}", "rate: 0}", "expected more than 0 requests per second"},
        Fault{"points_out_of_order", "rate: 10}", "rate: [[9s, 1], [1s, 1]]}",
              "traffic[0].arrivals.rate[1]: must not be before the point above it"},
        Fault{"shares", "{POST: 1}", "{POST: 0.5, GET: 0.4}",
              "traffic[1].methods: the shares must add up to 1"},
        Fault{"method", "{POST: 1}", "{post: 1}", "traffic[1].methods.post: expected GET"},
        Fault{"same_traffic", "name: api", "name: web",
              "traffic[1]: another one is called \"web\" too"},
        Fault{"fault_on_nobody", "target: b-1", "target: b-9",
              "small.yaml:19:25: faults[0].target: there is no backend \"b-9\""},
        Fault{"fault_after_the_end", "at: 40s", "at: 100s",
              "faults[0].at: must be before the end of the run"},
        Fault{"fault_backwards", "until: 60s", "until: 40s", "faults[0].until: must be after `at`"},
        Fault{"fault_kind", "kind: crash", "kind: crahs", "faults[0].kind: expected"},
        Fault{"factor", "kind: crash,", "kind: crash, factor: 2,",
              "faults[0].factor: only a slow backend has a factor"},
        Fault{"no_factor", "kind: crash,", "kind: slow,", "faults[0].factor: is required"},
        Fault{"fault_twice", "until: 60s}", "until: 60s}\n- {kind: crash, target: b-1, at: 50s}",
              "small.yaml:20:3: faults[1]: the same backend has a fault of this kind"},
        Fault{"variant_base", "  worse:", "  base: {}\n  worse:",
              "variants.base: is the name of the run without changes"},
        Fault{"variant_key", "control:", "contrl:", "variants.worse.contrl: unknown key"},
        Fault{"variant_path", "{proxy.pools.main.outlier_detection: off}", "{seeds: [1]}",
              "variants.worse.set.seeds: expected a path into proxy"},
        Fault{"variant_value", "detection: off}", "detection: offf}",
              "small.yaml:21:53: proxy.pools[0].outlier_detection: expected"},
        Fault{"sweep_fault", "control:", "sweep: {fault: 1, at: [1s, 2s], points: 2}, control:",
              "variants.worse.sweep.fault: there is no fault 1"},
        Fault{"sweep_window", "control:", "sweep: {fault: 0, at: [2s, 2s], points: 2}, control:",
              "variants.worse.sweep.at: is empty"},
        Fault{"control_id", "[few]", "[fewer]",
              "variants.worse.control[0]: there is no expectation \"fewer\""},
        Fault{"control_twice", "[few]", "[few, few]", "variants.worse.control[1]: is named twice"},
        Fault{"no_control", ", control: [few]", "", "variants: no variant has a `control`"},
        Fault{"no_because", ", because: One second of the fault.", "",
              "expect[0].because: is required"},
        Fault{"empty_because", "because: One second of the fault.", "because: \"\"",
              "expect[0].because: expected"},
        Fault{"unknown_metric", "metric: failures", "metric: failure",
              "small.yaml:23:21: expect[0].metric: there is no metric \"failure\"; did you mean "
              "\"failures\"?"},
        Fault{"unknown_op", "op: \"<=\"", "op: \"=<\"", "expect[0].op: expected"},
        Fault{"unit", kExpect, "- {id: few, metric: latency_p99, op: \"<=\", value: 10,",
              "expect[0].value: expected a duration"},
        Fault{"tolerance", kExpect, "- {id: few, metric: failures, op: within, value: 10,",
              "expect[0].tolerance: is required"},
        Fault{"stray_tolerance", "value: 10,", "value: 10, tolerance: 1,",
              "expect[0].tolerance: belongs to `op: within`"},
        Fault{"window_in_warmup", "value: 10,", "window: [9s, 20s], value: 10,",
              "expect[0].window: [9s, 20s] is not inside the graded time, [10s, 100s]"},
        Fault{"window_past_the_end", "value: 10,", "window: [90s, 101s], value: 10,",
              "expect[0].window: [90s, 101s] is not inside the graded time"},
        Fault{"window_empty", "value: 10,", "window: [20s, 20s], value: 10,",
              "expect[0].window: is empty"},
        Fault{"where_key", "value: 10,", "where: {zone: a}, value: 10,",
              "expect[0].where.zone: unknown key"},
        Fault{"where_means_nothing", "value: 10,", "where: {kind: active}, value: 10,",
              "expect[0].where.kind: means nothing to failures"},
        Fault{"where_backend", "value: 10,", "where: {backend: b-9}, value: 10,",
              "expect[0].where: there is no backend \"b-9\""},
        Fault{"where_method", "value: 10,", "where: {method: FETCH}, value: 10,",
              "expect[0].where.method: expected a method"},
        Fault{"where_status", "value: 10,", "where: {status: 6xx}, value: 10,",
              "expect[0].where.status: expected a status"},
        Fault{"needs_backend", "metric: failures", "metric: share",
              "expect[0].where: share needs `where: {backend: …}`"},
        Fault{"needs_a_fault", kExpect,
              "- {id: few, metric: detection_time, where: {backend: b-2}, op: \"<=\", value: 1s,",
              "expect[0].metric: detection_time needs exactly one fault"},
        Fault{"variant_unknown", "value: 10,", "variant: better, value: 10,",
              "expect[0].variant: there is no variant \"better\""},
        Fault{"reference_unit", "value: 10,", "value: {times: 1, metric: latency_p99},",
              "expect[0].value.metric: is a duration and cannot bound a count"},
        Fault{"control_of_itself", "value: 10,", "variant: worse, value: 10,",
              "variants.worse.control[0]: is graded in this very variant"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(PlanLoader, SweepNeedsAnAggregate) {
  const std::string text =
      with("  worse:", "  phases: {sweep: {fault: 0, at: [40s, 42s], points: 4}}\n  worse:");
  const auto graded_on = [&text](const std::string& more) {
    std::string changed = text;
    return changed.replace(changed.find("value: 10,"), 10,
                           "variant: phases, " + more + "value: 10,");
  };
  EXPECT_THAT(errors_of(graded_on("")),
              HasSubstr("expect[0].aggregate: is required of variant phases"));
  EXPECT_EQ(errors_of(graded_on("aggregate: max, ")), "");
}

TEST(PlanLoader, ReportsEveryFaultOfAFile) {
  std::string text = with("kind: chaos", "kind: chaos\nseed: 1");
  text.replace(text.find("target: b-1"), 11, "target: b-9");
  const auto plan = load_plan_text(text, "small.yaml");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().size(), 2U);
}

// ---- files and folders -------------------------------------------------------------------------

class PlanFolder : public ::testing::Test {
 protected:
  PlanFolder()
      : folder_(::testing::TempDir() + "evenkeel-plans-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~PlanFolder() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  static std::string named(const std::string& name) {
    std::string text = small_file();
    return text.replace(text.find("small"), 5, name);
  }

  std::string folder_;
};

TEST_F(PlanFolder, MeansEveryScenarioBelowSortedByPath) {
  write("b/two.yaml", named("two"));
  write("a/three.yaml", named("three"));
  write("a/A07-one.yaml", named("one"));
  write("defaults.yaml", "pools: [{name: main}]\n");
  write("notes.txt", "scenario: none");
  const auto plans = load_plans({folder_});
  ASSERT_TRUE(plans.has_value()) << core::to_text(plans.error());
  ASSERT_EQ(plans->size(), 3U);
  EXPECT_EQ((*plans)[0].label, "A07-one");
  EXPECT_EQ((*plans)[1].label, "three");
  EXPECT_EQ((*plans)[2].label, "two");
}

TEST_F(PlanFolder, WithoutScenariosIsAnError) {
  write("defaults.yaml", "pools: [{name: main}]\n");
  const auto plans = load_plans({folder_});
  ASSERT_FALSE(plans.has_value());
  EXPECT_THAT(core::to_text(plans.error()), HasSubstr("there is no scenario in this folder"));
}

TEST_F(PlanFolder, IncludeGivenAsAScenarioIsAnError) {
  const auto plans = load_plans({write("defaults.yaml", "pools: [{name: main}]\n")});
  ASSERT_FALSE(plans.has_value());
  EXPECT_THAT(core::to_text(plans.error()), HasSubstr("scenario: is required"));
}

TEST_F(PlanFolder, MissingFileIsAnError) {
  const auto plans = load_plans({folder_ + "/nowhere.yaml"});
  ASSERT_FALSE(plans.has_value());
  EXPECT_THAT(core::to_text(plans.error()), HasSubstr("nowhere.yaml"));
}

TEST_F(PlanFolder, SameScenarioTwiceIsAnError) {
  const std::string path = write("one.yaml", named("one"));
  const auto plans = load_plans({path, path});
  ASSERT_FALSE(plans.has_value());
  EXPECT_THAT(core::to_text(plans.error()), HasSubstr("is given twice"));
}

TEST_F(PlanFolder, IncludeIsRelativeToTheScenarioAndItsErrorIsReportedOnce) {
  write("defaults.yaml", "pools: [{name: main, retry: {max_attempts: 99}}]\n");
  for (const std::string name : {"one", "two"}) {
    std::string text = named(name);
    text.replace(text.find("pools: [{name: main}]"), 21, "include: ../defaults.yaml");
    write("below/" + name + ".yaml", text);
  }
  const auto plans = load_plans({folder_});
  ASSERT_FALSE(plans.has_value());
  ASSERT_EQ(plans.error().size(), 1U);
  EXPECT_THAT(core::to_text(plans.error()[0]),
              HasSubstr("defaults.yaml:1:44: proxy.pools[0].retry"));
}

TEST_F(PlanFolder, ProxyFileReplacesTheSectionAndItsBackends) {
  const std::string path = write("one.yaml", named("one"));
  const std::string proxy = write("proxy.conf",
                                  "listeners: [{address: 0.0.0.0:8080}]\n"
                                  "pools:\n- name: main\n  retry: {max_attempts: 5}\n"
                                  "  backends: [{url: http://127.0.0.1:9001}]\n");
  const auto plan = load_plan(path, {proxy});
  ASSERT_TRUE(plan.has_value()) << core::to_text(plan.error());
  EXPECT_EQ(plan->base().proxy.pools[0].retry.max_attempts, 5U);
  EXPECT_EQ(plan->base().proxy.pools[0].backends.size(), 4U);
  EXPECT_FALSE(plan->runs[1].points[0].proxy.pools[0].outlier_detection.enabled);
}

// Those of the repository.
TEST(Scenarios, AllLoad) {
  const auto plans = load_plans({EVENKEEL_SOURCE_DIR "/scenarios"});
  ASSERT_TRUE(plans.has_value()) << core::to_text(plans.error());
  EXPECT_GE(plans->size(), 2U);
}

}  // namespace
}  // namespace evenkeel::sim
