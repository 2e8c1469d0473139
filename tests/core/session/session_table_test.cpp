// SPDX-License-Identifier: Apache-2.0
//
// The table by itself; its random histories are in session_table_model_test.cpp.
#include "evenkeel/core/session/session_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "core/at.h"
#include "evenkeel/core/random.h"
#include "runtime/allocation_count.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBackends = 4;

SessionKey key(std::uint64_t number) { return SessionKey{mix(number), number}; }

std::optional<std::uint32_t> backend_of(SessionTable& table, Instant now, std::uint64_t number) {
  const auto session = table.find(now, key(number));
  if (!session) return std::nullopt;
  return index(session->backend);
}

TEST(SessionTable, RemembersWhereASessionLives) {
  SessionTable table(10, 1h, kBackends);
  EXPECT_EQ(backend_of(table, at(0s), 1), std::nullopt);
  table.put(at(0s), key(1), BackendIndex{2});
  table.put(at(0s), key(2), BackendIndex{3});
  EXPECT_EQ(backend_of(table, at(1s), 1), 2U);
  EXPECT_EQ(backend_of(table, at(1s), 2), 3U);
  EXPECT_EQ(table.size(), 2U);
}

// Both halves of a name count.
TEST(SessionTable, TellsNamesApartByEveryBit) {
  SessionTable table(256, 1h, kBackends);
  table.put(at(0s), SessionKey{}, BackendIndex{1});
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    EXPECT_FALSE(table.find(at(0s), SessionKey{one, 0}));
    EXPECT_FALSE(table.find(at(0s), SessionKey{0, one}));
  }
}

TEST(SessionTable, ALaterWordReplacesAnEarlierOne) {
  SessionTable table(10, 1h, kBackends);
  table.put(at(0s), key(1), BackendIndex{2});
  table.put(at(5s), key(1), BackendIndex{0});
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.find(at(9s), key(1)), (SessionTable::Session{BackendIndex{0}, at(5s)}));
}

// A store whose time to live is never looked at keeps every session for ever.
TEST(SessionTable, ATtlIsNeverIgnored) {
  SessionTable table(10, 10s, kBackends);
  table.put(at(0s), key(1), BackendIndex{2});
  table.put(at(0s), key(2), BackendIndex{2});
  EXPECT_EQ(backend_of(table, at(10s - 1ns), 1), 2U);
  EXPECT_EQ(backend_of(table, at(10s), 2), std::nullopt);
}

TEST(SessionTable, TheTtlCountsFromTheLastUse) {
  SessionTable table(10, 10s, kBackends);
  table.put(at(0s), key(1), BackendIndex{2});
  for (int i = 1; i <= 100; ++i) EXPECT_EQ(backend_of(table, at(i * 9s), 1), 2U);
  EXPECT_EQ(backend_of(table, at(910s), 1), std::nullopt);
}

TEST(SessionTable, AYearLaterNothingIsLeft) {
  SessionTable table(10, 1h, kBackends);
  for (std::uint64_t i = 0; i < 10; ++i) table.put(at(0s), key(i), BackendIndex{0});
  const Instant year = at(365 * 24h);
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(backend_of(table, year, i), std::nullopt);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, WhileTimeStandsStillNothingExpires) {
  SessionTable table(10, 1ns, kBackends);
  table.put(at(0s), key(1), BackendIndex{2});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(backend_of(table, at(0s), 1), 2U);
}

// A map of sessions that only grows is memory for whoever drops cookies.
TEST(SessionTable, IsNeverAnUnboundedMap) {
  constexpr std::uint32_t kMaxEntries = 100;
  SessionTable table(kMaxEntries, 1h, kBackends);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    table.put(at(0s), key(i), BackendIndex{1});
    ASSERT_LE(table.size(), kMaxEntries);
  }
  EXPECT_EQ(table.size(), kMaxEntries);
  for (std::uint64_t i = 9'900; i < 10'000; ++i) EXPECT_EQ(backend_of(table, at(0s), i), 1U);
  EXPECT_EQ(backend_of(table, at(0s), 9'899), std::nullopt);
}

TEST(SessionTable, TheLeastRecentlyUsedGoesFirst) {
  SessionTable table(3, 1h, kBackends);
  for (std::uint64_t i = 1; i <= 3; ++i) table.put(at(0s), key(i), BackendIndex{0});
  EXPECT_EQ(backend_of(table, at(1s), 1), 0U);
  table.put(at(1s), key(2), BackendIndex{1});
  table.put(at(2s), key(4), BackendIndex{0});
  EXPECT_EQ(backend_of(table, at(2s), 3), std::nullopt);
  EXPECT_EQ(backend_of(table, at(2s), 1), 0U);
  EXPECT_EQ(backend_of(table, at(2s), 2), 1U);
  EXPECT_EQ(backend_of(table, at(2s), 4), 0U);
}

TEST(SessionTable, ExpiredEntriesLeaveThoughNobodyAsksForThem) {
  SessionTable table(1'000, 10s, kBackends);
  for (std::uint64_t i = 0; i < 100; ++i) table.put(at(0s), key(i), BackendIndex{0});
  for (std::uint64_t i = 0; i < 100; ++i) table.put(at(20s), key(1'000 + i), BackendIndex{0});
  EXPECT_EQ(table.size(), 100U);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(backend_of(table, at(40s), 5'000), std::nullopt);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, AnErasedSessionIsGone) {
  SessionTable table(10, 1h, kBackends);
  table.put(at(0s), key(1), BackendIndex{2});
  table.erase(key(1));
  table.erase(key(1));
  EXPECT_EQ(backend_of(table, at(0s), 1), std::nullopt);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, WhoTakesABackendsPlaceInheritsNoSessions) {
  SessionTable table(10, 1h, kBackends);
  table.put(at(0s), key(1), BackendIndex{2});
  table.put(at(0s), key(2), BackendIndex{1});
  table.forget(BackendIndex{2});
  table.put(at(0s), key(3), BackendIndex{2});
  EXPECT_EQ(backend_of(table, at(0s), 1), std::nullopt);
  EXPECT_EQ(backend_of(table, at(0s), 2), 1U);
  EXPECT_EQ(backend_of(table, at(0s), 3), 2U);
}

TEST(SessionTable, ABackendOutOfRangeIsNotRemembered) {
  SessionTable table(10, 1h, kBackends);
  table.put(at(0s), key(1), BackendIndex{kBackends});
  table.put(at(0s), key(2), BackendIndex{0xffffffffU});
  EXPECT_EQ(table.size(), 0U);
  table.apply(10, 1h, kBackends + 1);
  table.put(at(0s), key(1), BackendIndex{kBackends});
  EXPECT_EQ(backend_of(table, at(0s), 1), kBackends);
}

TEST(SessionTable, WithoutRoomOrTimeItRemembersNothing) {
  SessionTable roomless(0, 1h, kBackends);
  roomless.put(at(0s), key(1), BackendIndex{1});
  EXPECT_EQ(backend_of(roomless, at(0s), 1), std::nullopt);
  roomless.erase(key(1));
  SessionTable timeless(10, 0s, kBackends);
  timeless.put(at(0s), key(1), BackendIndex{1});
  EXPECT_EQ(backend_of(timeless, at(0s), 1), std::nullopt);
}

TEST(SessionTable, NewBoundsHoldAtOnceAndKeepWhatFits) {
  SessionTable table(100, 1h, kBackends);
  for (std::uint64_t i = 0; i < 100; ++i) table.put(at(Duration(i)), key(i), BackendIndex{1});
  table.apply(10, 1h, kBackends);
  EXPECT_EQ(table.size(), 10U);
  EXPECT_EQ(backend_of(table, at(1s), 89), std::nullopt);
  EXPECT_EQ(backend_of(table, at(1s), 90), 1U);
  table.apply(50, 5s, kBackends);
  EXPECT_EQ(backend_of(table, at(2s), 91), 1U);
  EXPECT_EQ(backend_of(table, at(6s), 92), std::nullopt);
  for (std::uint64_t i = 1'000; i < 1'100; ++i) table.put(at(7s), key(i), BackendIndex{1});
  EXPECT_EQ(table.size(), 50U);
}

// The shared limit of the shipped policy, reached.
TEST(SessionTable, OnceFullItAsksForNoMemory) {
  constexpr std::uint32_t kMaxEntries = 100'000;
  SessionTable table(kMaxEntries, 1h, kBackends);
  for (std::uint64_t i = 0; i < kMaxEntries; ++i) table.put(at(0s), key(i), BackendIndex{1});
  EXPECT_EQ(table.size(), kMaxEntries);
  const test::AllocationCount count;
  for (std::uint64_t i = 0; i < 3 * kMaxEntries; ++i) {
    table.put(at(Duration(i)), key(2 * i), BackendIndex{1});
    static_cast<void>(table.find(at(Duration(i)), key(i)));
    if (i % 3 == 0) table.erase(key(i));
  }
  EXPECT_EQ(count.so_far(), 0U);
}

}  // namespace
}  // namespace evenkeel::core
