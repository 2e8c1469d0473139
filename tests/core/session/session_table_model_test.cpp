// SPDX-License-Identifier: Apache-2.0
//
// Random histories of a session table against a model that is written the obvious way: a list by
// last use, searched from its front.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <list>
#include <optional>
#include <ostream>

#include "core/at.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/session/session_table.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBackends = 3;
constexpr std::uint64_t kKeys = 8;
constexpr std::int64_t kTtl = 10;

struct Model {
  struct Entry {
    SessionKey key;
    BackendIndex backend{};
    Instant put_at;
    Instant used_at;
    bool forgotten = false;
  };
  using Entries = std::list<Entry>;

  std::uint32_t max_entries = 0;
  Duration ttl{kTtl};
  Instant now = at(0s);
  Entries entries;  // the least recently used in front

  [[nodiscard]] bool expired(const Entry& entry) const { return now >= entry.used_at + ttl; }
  Entries::iterator locate(SessionKey key) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const Entry& entry) { return entry.key == key; });
  }
  [[nodiscard]] std::size_t living() const {
    return static_cast<std::size_t>(
        std::count_if(entries.begin(), entries.end(),
                      [&](const Entry& entry) { return !entry.forgotten && !expired(entry); }));
  }
  void sweep() {
    for (int i = 0; i < SessionTable::kSweepPerCall && !entries.empty(); ++i) {
      if (expired(entries.front())) entries.pop_front();
    }
  }
  std::optional<SessionTable::Session> find(SessionKey key) {
    sweep();
    const auto entry = locate(key);
    if (entry == entries.end()) return std::nullopt;
    if (entry->forgotten || expired(*entry)) {
      entries.erase(entry);
      return std::nullopt;
    }
    entry->used_at = now;
    entries.splice(entries.end(), entries, entry);
    return SessionTable::Session{entry->backend, entry->put_at};
  }
  void put(SessionKey key, BackendIndex backend) {
    sweep();
    if (max_entries == 0) return;
    const auto known = locate(key);
    if (known != entries.end()) entries.erase(known);
    if (entries.size() == max_entries) entries.pop_front();
    entries.push_back({key, backend, now, now, false});
  }
};

using Command = rc::state::Command<Model, SessionTable>;

SessionKey any_key() { return SessionKey{*rc::gen::inRange<std::uint64_t>(0, kKeys), 7}; }
BackendIndex any_backend() { return BackendIndex{*rc::gen::inRange<std::uint32_t>(0, kBackends)}; }

// What must hold after every step, whatever the model says.
void check_bounds(const Model& model, const SessionTable& table) {
  RC_ASSERT(table.size() <= model.max_entries);
  RC_ASSERT(table.size() == model.entries.size());
  RC_ASSERT(table.size() >= model.living());
}

struct Find : Command {
  Find() : key(any_key()) {}
  void apply(Model& model) const override { static_cast<void>(model.find(key)); }
  void run(const Model& model, SessionTable& table) const override {
    Model next = model;
    RC_ASSERT(table.find(model.now, key) == next.find(key));
    check_bounds(next, table);
  }
  void show(std::ostream& os) const override { os << "find " << key.high; }
  SessionKey key;
};

struct Put : Command {
  Put() : key(any_key()), backend(any_backend()) {}
  void apply(Model& model) const override { model.put(key, backend); }
  void run(const Model& model, SessionTable& table) const override {
    Model next = model;
    next.put(key, backend);
    table.put(model.now, key, backend);
    check_bounds(next, table);
  }
  void show(std::ostream& os) const override { os << "put " << key.high << ' ' << index(backend); }
  SessionKey key;
  BackendIndex backend;
};

struct Erase : Command {
  Erase() : key(any_key()) {}
  void apply(Model& model) const override {
    const auto entry = model.locate(key);
    if (entry != model.entries.end()) model.entries.erase(entry);
  }
  void run(const Model&, SessionTable& table) const override { table.erase(key); }
  void show(std::ostream& os) const override { os << "erase " << key.high; }
  SessionKey key;
};

struct Forget : Command {
  Forget() : backend(any_backend()) {}
  void apply(Model& model) const override {
    for (Model::Entry& entry : model.entries) {
      if (entry.backend == backend) entry.forgotten = true;
    }
  }
  void run(const Model&, SessionTable& table) const override { table.forget(backend); }
  void show(std::ostream& os) const override { os << "forget " << index(backend); }
  BackendIndex backend;
};

struct Apply : Command {
  Apply()
      : max_entries(*rc::gen::inRange<std::uint32_t>(0, 7)),
        ttl(*rc::gen::inRange<std::int64_t>(0, 2 * kTtl)) {}
  void apply(Model& model) const override {
    model.max_entries = max_entries;
    model.ttl = Duration(ttl);
    while (model.entries.size() > max_entries) model.entries.pop_front();
  }
  void run(const Model& model, SessionTable& table) const override {
    table.apply(max_entries, Duration(ttl), kBackends);
    Model next = model;
    apply(next);
    check_bounds(next, table);
  }
  void show(std::ostream& os) const override { os << "apply " << max_entries << ' ' << ttl; }
  std::uint32_t max_entries;
  std::int64_t ttl;
};

// Goes on with a copy: a restored snapshot behaves like the original.
struct Restore : Command {
  void run(const Model&, SessionTable& table) const override {
    const SessionTable snapshot = table;
    RC_ASSERT(snapshot == table);
    table = SessionTable(0, 0s, 0);
    table = snapshot;
  }
  void show(std::ostream& os) const override { os << "restore"; }
};

struct Wait : Command {
  Wait() : length(*rc::gen::inRange<std::int64_t>(0, kTtl + 2)) {}
  void apply(Model& model) const override { model.now += Duration(length); }
  void show(std::ostream& os) const override { os << "wait " << length; }
  std::int64_t length;
};

RC_GTEST_PROP(SessionTableModel, AnyHistoryAgreesWithTheModel, ()) {
  Model model;
  model.max_entries = *rc::gen::inRange<std::uint32_t>(0, 7);
  SessionTable table(model.max_entries, model.ttl, kBackends);
  rc::state::check(model, table,
                   rc::state::gen::execOneOfWithArgs<Find, Find, Find, Put, Put, Put, Erase, Forget,
                                                     Apply, Restore, Wait, Wait>());
}

// ---- larger tables, checked by what must always hold
// ----------------------------------------------

// Long histories: drawn from one number each, as drawing every step by itself takes milliseconds.
struct Step {
  std::uint64_t key = 0;
  BackendIndex backend{};
  std::int64_t wait = 0;
  std::uint64_t what = 0;
};
constexpr std::uint64_t kSteps = 100;
constexpr std::uint64_t kManyKeys = 200;

Step step_of(Stream draws, std::uint64_t number) {
  const Stream step = draws.of(number);
  const std::uint64_t wait = step.below(31, 2);
  return {step.below(kManyKeys, 0),
          BackendIndex{static_cast<std::uint32_t>(step.below(kBackends, 1))},
          wait == 0   ? kTtl
          : wait < 11 ? 1
                      : 0,
          step.below(8, 3)};
}

void take(SessionTable& table, const Step& step, Instant now) {
  const SessionKey key{step.key, ~step.key};
  if (step.what == 0) return table.erase(key);
  if (step.what < 3) return static_cast<void>(table.find(now, key));
  table.put(now, key, step.backend);
}

RC_GTEST_PROP(SessionTable, AnEntryNeverOutlivesItsTtlNorATableItsBound, (std::uint64_t seed)) {
  const Stream draws(Seed{seed}, "table");
  const auto max_entries = static_cast<std::uint32_t>(draws.below(70, 0)) + 1;
  SessionTable table(max_entries, Duration(kTtl), kBackends);
  std::array<Instant, kManyKeys> used;
  used.fill(at(-1h));
  Instant now = at(0s);
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    const Step step = step_of(draws, i);
    now += Duration(step.wait);
    const bool found = table.find(now, SessionKey{step.key, ~step.key}).has_value();
    if (found) RC_ASSERT(now - used[step.key] < Duration(kTtl));
    take(table, step, now);
    if (found || step.what >= 3) used[step.key] = now;
    RC_ASSERT(table.size() <= max_entries);
  }
}

RC_GTEST_PROP(SessionTable, TheSameOperationsMakeEqualTables, (std::uint64_t seed)) {
  const Stream draws(Seed{seed}, "table");
  SessionTable left(40, Duration(kTtl), kBackends);
  SessionTable right = left;
  Instant now = at(0s);
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    const Step step = step_of(draws, i);
    now += Duration(step.wait);
    take(left, step, now);
    take(right, step, now);
    if (step.what == 7) right = SessionTable(right);
  }
  RC_ASSERT(left == right);
}

}  // namespace
}  // namespace evenkeel::core
