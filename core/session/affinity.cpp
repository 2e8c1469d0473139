// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/session/affinity.h"

#include <algorithm>

#include "evenkeel/core/check.h"

namespace evenkeel::core {
namespace {

using Kind = Whereabouts::Kind;

std::uint32_t entries(const SessionPolicy& session) {
  return session.store == SessionStoreKind::redis ? session.cache : session.max_entries;
}

}  // namespace

Affinity::Affinity(const SessionPolicy& session, const RedisPolicy& redis, std::size_t backends)
    : session_(session),
      fail_open_(redis.fail_open),
      backends_(backends),
      table_(entries(session), session.ttl, backends) {}

void Affinity::apply(const SessionPolicy& session, const RedisPolicy& redis, std::size_t backends) {
  session_ = session;
  fail_open_ = redis.fail_open;
  backends_ = std::max(backends_, backends);
  table_.apply(entries(session), session.ttl, backends_);
}

Whereabouts Affinity::find(Instant now, const ShownSession& shown) {
  if (!shown.key) return {Kind::none, {}, false, now};
  const auto known = table_.find(now, *shown.key);
  if (!remote())
    return known ? Whereabouts{Kind::found, known->backend, false, now}
                 : Whereabouts{Kind::none, {}, false, now};
  const auto said = signature(shown);
  const bool fresh = known && now - known->put_at < freshness(session_.ttl);
  // A signature that says otherwise was written by a replica that moved the session.
  if (!fresh || (said && *said != known->backend)) return {Kind::unknown, {}, false, now};
  return {Kind::found, known->backend, false, now};
}

Whereabouts Affinity::on_answer(Instant now, const ShownSession& shown,
                                std::optional<BackendIndex> backend) {
  if (!shown.key) return {Kind::none, {}, false, now};
  if (backend && index(*backend) < backends_) {
    table_.put(now, *shown.key, *backend);
    return {Kind::found, *backend, false, now};
  }
  // Whatever is left of it has not expired: the store keeps a session longer than we do, and than a
  // signature lasts. So the store has lost it.
  const auto left = remembered(now, shown);
  return left ? Whereabouts{Kind::found, *left, true, now}
              : Whereabouts{Kind::none, {}, false, now};
}

Whereabouts Affinity::on_failure(Instant now, const ShownSession& shown) {
  if (!shown.key) return {Kind::none, {}, false, now};
  const auto left = remembered(now, shown);
  return left ? Whereabouts{Kind::found, *left, false, now}
              : Whereabouts{Kind::failed, {}, false, now};
}

Placement Affinity::place(const Whereabouts& where, bool may_serve) const {
  switch (where.kind) {
    case Kind::none:
      return Placement::choose;
    case Kind::unknown:
      return Placement::ask;
    case Kind::found:
      if (may_serve) return Placement::stay;
      return session_.strict ? Placement::reject : Placement::choose;
    case Kind::failed:
      return session_.strict || !fail_open_ ? Placement::reject : Placement::choose;
  }
  return Placement::choose;
}

Binding Affinity::commit(Instant now, const ShownSession& shown, const Whereabouts& where,
                         SessionKey entropy, BackendIndex backend) {
  switch (where.kind) {
    case Kind::unknown:
    case Kind::failed:
      return {};
    case Kind::none:
      table_.put(now, entropy, backend);
      return {entropy, backend, true, signs(), remote()};
    case Kind::found:
      return keep(now, shown, where, backend);
  }
  return {};
}

Binding Affinity::keep(Instant now, const ShownSession& shown, const Whereabouts& where,
                       BackendIndex backend) {
  EVENKEEL_CHECK(shown.key.has_value());
  const SessionKey key = *shown.key;
  const bool moved = backend != where.backend;
  if (moved) {
    // Another request of the session moved it meanwhile: once is enough.
    const auto known = table_.find(now, key);
    if (known && known->put_at >= where.at && known->backend != where.backend) return {};
  }
  // A cookie lasts as long as a session, from when it was issued; a session from when it was used.
  const bool ageing = !remote() && put_long_ago(now, key);
  if (moved || where.lost || ageing) table_.put(now, key, backend);
  const bool reissue = signs() && (signature(shown) != backend || shown.signature_ageing);
  return {key, backend, reissue || ageing, reissue, remote() && (moved || where.lost)};
}

std::optional<BackendIndex> Affinity::signature(const ShownSession& shown) const {
  if (!signs() || !shown.signed_backend || index(*shown.signed_backend) >= backends_) {
    return std::nullopt;
  }
  return shown.signed_backend;
}

bool Affinity::put_long_ago(Instant now, SessionKey key) {
  const auto known = table_.find(now, key);
  return known && now - known->put_at >= session_.ttl / 2;
}

// What stands in for the store.
std::optional<BackendIndex> Affinity::remembered(Instant now, const ShownSession& shown) {
  if (const auto said = signature(shown)) return said;
  const auto known = table_.find(now, *shown.key);
  if (!known) return std::nullopt;
  return known->backend;
}

}  // namespace evenkeel::core
