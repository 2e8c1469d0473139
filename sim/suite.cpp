// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/suite.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "evenkeel/core/config/units.h"

namespace evenkeel::sim {
namespace {

using std::chrono_literals::operator""ms;

// One point of one run of one seed of one plan.
struct Task {
  std::size_t plan = 0;
  std::size_t seed = 0;
  std::size_t run = 0;
  std::size_t point = 0;
};

class Suite {
 public:
  Suite(const std::vector<Plan>& plans, const SuiteOptions& options, const RunWorld& world)
      : plans_(plans), options_(options), world_(world) {
    for (std::size_t p = 0; p < plans.size(); ++p) {
      outcome_.scenarios.emplace_back();
      add_seeds(p);
    }
  }

  SuiteOutcome run(const SuiteListener& listener) {
    std::vector<std::thread> threads;
    const std::size_t count = std::min<std::size_t>(std::max(options_.jobs, 1U), tasks_.size());
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    try {
      report(listener);
    } catch (...) {
      stop();
      for (std::thread& thread : threads) thread.join();
      throw;
    }
    for (std::thread& thread : threads) thread.join();
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] const std::vector<std::uint64_t>& seeds_of(std::size_t plan) const {
    return options_.seeds.empty() ? plans_[plan].seeds : options_.seeds;
  }

  void add_seeds(std::size_t p) {
    const Plan& plan = plans_[p];
    const std::vector<std::uint64_t>& seeds = seeds_of(p);
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      SeedOutcome seed;
      seed.seed = seeds[s];
      for (std::size_t r = 0; r < plan.runs.size(); ++r) {
        seed.runs.emplace_back();
        seed.runs.back().points.resize(plan.runs[r].points.size());
        for (std::size_t k = 0; k < plan.runs[r].points.size(); ++k) tasks_.push_back({p, s, r, k});
      }
      outcome_.scenarios[p].seeds.push_back(std::move(seed));
      last_task_.push_back(tasks_.size());
    }
    done_.resize(tasks_.size());
  }

  // A worker's life: take the next task until there is none.
  void work() {
    std::unique_lock lock(mutex_);
    while (next_ < tasks_.size()) {
      const std::size_t index = next_++;
      lock.unlock();
      std::exception_ptr problem;
      try {
        run_task(tasks_[index]);
      } catch (...) {
        problem = std::current_exception();
      }
      lock.lock();
      if (problem && !problem_) problem_ = problem;
      done_[index] = true;
      ++done_count_;
      changed_.notify_one();
    }
  }

  void run_task(const Task& task) {
    const Plan& plan = plans_[task.plan];
    const PlannedRun& run = plan.runs[task.run];
    const Scenario& scenario = run.points[task.point];
    SeedOutcome& seed = outcome_.scenarios[task.plan].seeds[task.seed];
    PointOutcome& point = seed.runs[task.run].points[task.point];
    Recorder recorder(scenario, run.warmup, measures_of(plan, task.run), !run.sweep);
    point.result =
        world_(scenario, core::Seed{seed.seed}, options_.fidelity.value_or(scenario.fidelity),
               options_.until.limits_of(scenario), recorder);
    point.figures = recorder.figures(point.result);
    point.graded = recorder.graded();
    point.detail = recorder.detail();
  }

  // Waits for the seeds in their order and judges each as soon as its runs are over.
  void report(const SuiteListener& listener) {
    std::size_t group = 0;
    std::size_t first = 0;
    for (std::size_t p = 0; p < plans_.size(); ++p) {
      for (SeedOutcome& seed : outcome_.scenarios[p].seeds) {
        const std::size_t last = last_task_[group++];
        wait_for(first, last, listener);
        first = last;
        judge_seed(plans_[p], !options_.until.set(), seed);
        if (listener.on_seed) listener.on_seed(plans_[p], seed);
      }
    }
  }

  void wait_for(std::size_t first, std::size_t last, const SuiteListener& listener) {
    std::unique_lock lock(mutex_);
    const auto over = [&] {
      return problem_ || std::all_of(done_.begin() + static_cast<std::ptrdiff_t>(first),
                                     done_.begin() + static_cast<std::ptrdiff_t>(last),
                                     [](bool done) { return done; });
    };
    while (!over()) {
      const std::size_t before = done_count_;
      changed_.wait(lock, [&] { return over() || done_count_ != before; });
      const std::size_t done = done_count_;
      lock.unlock();
      if (listener.on_progress) listener.on_progress(done, tasks_.size());
      lock.lock();
    }
    if (problem_) std::rethrow_exception(problem_);
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    next_ = tasks_.size();
  }

  const std::vector<Plan>& plans_;
  const SuiteOptions& options_;
  const RunWorld& world_;
  SuiteOutcome outcome_;
  std::vector<Task> tasks_;
  std::vector<std::size_t> last_task_;  // by plan and seed: one past its last task

  std::mutex mutex_;  // everything below
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t done_count_ = 0;
  std::vector<bool> done_;
  std::exception_ptr problem_;
};

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

RunLimits Stop::limits_of(const Scenario& scenario) const {
  RunLimits limits;
  if (at) limits.until = *at;
  if (events) limits.max_events = *events;
  if (share) {
    // Split, so that a year times a million does not overflow.
    const std::int64_t whole = static_cast<std::int64_t>(count(kOne));
    const std::int64_t part = static_cast<std::int64_t>(count(*share));
    const std::int64_t ns = scenario.duration.count();
    limits.until = core::Instant(core::Duration(ns / whole * part + ns % whole * part / whole));
  }
  return limits;
}

std::optional<Stop> parse_stop(std::string_view text) {
  Stop stop;
  if (!text.empty() && text.back() == '%') {
    double percent = 0;
    const std::string_view number = text.substr(0, text.size() - 1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), percent);
    if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
    if (!(percent > 0 && percent <= 100)) return std::nullopt;
    stop.share = Millionths{nearest(percent * 1e4)};
    return stop;
  }
  if (const auto events = parse_whole<std::uint64_t>(text)) {
    if (*events == 0) return std::nullopt;
    stop.events = *events;
    return stop;
  }
  const auto at = core::parse_duration(text);
  if (!at || *at <= core::Duration::zero()) return std::nullopt;
  stop.at = core::Instant(*at);
  return stop;
}

std::string to_text(const Stop& stop) {
  if (stop.share) return figure(static_cast<double>(count(*stop.share)) / 1e4, Unit::ratio) + "%";
  if (stop.at) return core::format_duration(stop.at->time_since_epoch());
  return stop.events ? std::to_string(*stop.events) : "";
}

std::size_t SuiteOutcome::passed() const {
  return static_cast<std::size_t>(
      std::count_if(scenarios.begin(), scenarios.end(),
                    [](const ScenarioOutcome& scenario) { return scenario.passed(); }));
}

SuiteOutcome run_suite(const std::vector<Plan>& plans, const SuiteOptions& options,
                       const RunWorld& world, const SuiteListener& listener) {
  return Suite(plans, options, world).run(listener);
}

Fidelity fidelity_of(const Plan& plan, const SuiteOptions& options) {
  return options.fidelity.value_or(plan.base().fidelity);
}

const char* to_text(Fidelity fidelity) {
  return fidelity == Fidelity::message ? "message" : "wire";
}

}  // namespace evenkeel::sim
