// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/drain.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::proxy {
namespace {

using namespace std::chrono_literals;
using Step = Drain::Step;

std::string to_text(Step step) {
  switch (step) {
    case Step::none:
      return "";
    case Step::fail_readiness:
      return "fail_readiness";
    case Step::close_connections:
      return "close";
    case Step::cut_connections:
      return "cut";
    case Step::finish:
      return "finish";
  }
  return "?";
}

// Plays one stop: what the world looks like at each second, and what was done then.
class DrainTest : public ::testing::Test {
 protected:
  void signal() { add(drain.on_signal(now)); }
  void at(core::Duration time) {
    now = core::Instant(time);
    for (Step step; (step = drain.on_tick(now, busy, lingering)) != Step::none;) add(step);
  }
  void add(Step step) {
    if (step == Step::none) return;
    using std::chrono::seconds;
    done += (done.empty() ? "" : " ") + to_text(step) + "@" +
            std::to_string(std::chrono::duration_cast<seconds>(now.time_since_epoch()).count());
  }

  static core::DrainPolicy policy() {
    core::DrainPolicy policy;
    policy.grace = 5s;
    policy.timeout = 30s;
    return policy;
  }
  Drain drain{policy()};
  core::Instant now{};
  bool busy = true;
  bool lingering = true;
  std::string done;
};

TEST_F(DrainTest, NothingHappensWithoutASignal) {
  at(0s);
  at(1000s);
  EXPECT_EQ(done, "");
  EXPECT_TRUE(drain.ready());
}

TEST_F(DrainTest, ReadinessFailsFirstThenConnectionsCloseAndTheLastOneEndsIt) {
  at(10s);
  signal();
  EXPECT_FALSE(drain.ready());
  at(14s);
  at(15s);
  at(20s);
  busy = lingering = false;
  at(21s);
  EXPECT_EQ(done, "fail_readiness@10 close@15 finish@21");
  EXPECT_FALSE(drain.cut());
}

TEST_F(DrainTest, TheDeadlineCutsWhatIsLeft) {
  signal();
  at(5s);
  at(34s);
  at(35s);
  EXPECT_EQ(done, "fail_readiness@0 close@5 cut@35 finish@35");
  EXPECT_TRUE(drain.cut());
}

TEST_F(DrainTest, LastBytesAreWaitedForButNobodyIsCutForThem) {
  signal();
  busy = false;
  at(5s);
  at(34s);
  at(35s);
  EXPECT_EQ(done, "fail_readiness@0 close@5 finish@35");
  EXPECT_FALSE(drain.cut());
}

TEST_F(DrainTest, ASecondSignalDuringTheGraceCutsNow) {
  signal();
  at(1s);
  signal();
  at(1s);
  EXPECT_EQ(done, "fail_readiness@0 close@1 cut@1 finish@1");
  EXPECT_TRUE(drain.cut());
}

TEST_F(DrainTest, ASecondSignalWithNobodyConnectedEndsWell) {
  signal();
  at(1s);
  busy = false;
  signal();
  at(1s);
  EXPECT_EQ(done, "fail_readiness@0 close@1 finish@1");
  EXPECT_FALSE(drain.cut());
}

TEST_F(DrainTest, ASecondSignalWhileClosingCutsNow) {
  signal();
  at(6s);
  signal();
  at(6s);
  signal();
  EXPECT_EQ(done, "fail_readiness@0 close@6 cut@6 finish@6");
}

// Whatever comes in whatever order: the steps are taken once, in their order, and it ends in time.
RC_GTEST_PROP(DrainProperty, StepsComeOnceInOrderAndInTime, ()) {
  core::DrainPolicy policy;
  policy.grace = std::chrono::seconds(*rc::gen::inRange(0, 20));
  policy.timeout = std::chrono::seconds(*rc::gen::inRange(0, 20));
  Drain drain(policy);
  core::Instant now{};
  Step last = drain.on_signal(now);
  RC_ASSERT(last == Step::fail_readiness);
  const core::Instant latest = now + policy.grace + policy.timeout + 1s;
  while (last != Step::finish) {
    RC_ASSERT(now <= latest);
    const bool signal = *rc::gen::inRange(0, 20) == 0;
    Step step = signal ? drain.on_signal(now) : Step::none;
    if (step == Step::none) {
      const bool busy = *rc::gen::arbitrary<bool>();
      step = drain.on_tick(now, busy, *rc::gen::arbitrary<bool>());
    }
    if (step == Step::none) {
      now += 500ms;
      continue;
    }
    RC_ASSERT(static_cast<int>(step) > static_cast<int>(last));
    last = step;
  }
  RC_ASSERT(drain.on_tick(now, true, true) == Step::none);
}

}  // namespace
}  // namespace evenkeel::proxy
