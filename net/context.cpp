// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/context.h"

#include <array>
#include <cstring>
#include <utility>

#include "evenkeel/net/connection.h"

namespace evenkeel::net {

namespace {

// Fits the largest rewritten head next to one read's worth of re-chunked body.
constexpr std::size_t kOutboxBytes = 256 * 1024;
// Kept for reuse; the rest goes back to the system.
constexpr std::size_t kMaxSpareTransactions = 1024;

void put_number(char*& out, int value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out += digits;
}

// IMF-fixdate (RFC 9110 §5.6.7). The civil date is Howard Hinnant's days_from_civil, inverted.
void write_date(std::int64_t seconds, char* out) {
  static constexpr char kDays[] = "ThuFriSatSunMonTueWed";
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::int64_t day = seconds / 86400;
  const auto rest = static_cast<int>(seconds % 86400);
  const std::int64_t z = day + 719468;
  const std::int64_t era = z / 146097;
  const auto day_of_era = static_cast<int>(z - era * 146097);
  const int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted_month = (5 * day_of_year + 2) / 153;
  const int month_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const auto year = static_cast<int>(year_of_era + era * 400) + (month <= 2 ? 1 : 0);
  std::memcpy(out, kDays + 3 * (day % 7), 3);
  out += 3;
  *out++ = ',';
  *out++ = ' ';
  put_number(out, month_day, 2);
  *out++ = ' ';
  std::memcpy(out, kMonths + 3 * (month - 1), 3);
  out += 3;
  *out++ = ' ';
  put_number(out, year, 4);
  *out++ = ' ';
  put_number(out, rest / 3600, 2);
  *out++ = ':';
  put_number(out, rest / 60 % 60, 2);
  *out++ = ':';
  put_number(out, rest % 60, 2);
  std::string_view(" GMT").copy(out, 4);
}

core::RouteSeeds seeds_of(Host& host) {
  std::array<unsigned char, 16> bytes;
  host.entropy(bytes);
  core::RouteSeeds seeds;
  for (unsigned i = 0; i < 8; ++i) seeds.secret |= std::uint64_t{bytes[i]} << (8 * i);
  return seeds;
}

// The fields of a parsed head, as routes ask for them.
class HeadFields final : public core::HeaderSource {
 public:
  explicit HeadFields(const http1::Fields& fields) : fields_(fields) {}
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const override {
    const http1::Field* field = fields_.find(name);
    if (field == nullptr) return std::nullopt;
    return field->value;
  }

 private:
  const http1::Fields& fields_;
};

}  // namespace

Context::Context(core::Balancer& core_balancer, Host& world, Observer& told)
    : balancer(core_balancer),
      host(world),
      observer(told),
      router(balancer.config(), seeds_of(world)),
      timers(std::chrono::milliseconds(50)),
      keepalive(*this),
      prober(*this),
      linger_timer(timers.add_class(kLingerTime)),
      tunnel_timer(timers.add_class(kTunnelIdleTime)),
      inbox(kHeadroom + kReadBytes),
      outbox(kOutboxBytes) {
  for (const core::ListenerPolicy& policy : balancer.config().listeners) {
    listener_timers.push_back({timers.add_class(policy.timeouts.request_header),
                               timers.add_class(policy.timeouts.body_idle),
                               timers.add_class(policy.timeouts.keepalive)});
  }
  clients_of.resize(listener_timers.size(), 0);
  for (const core::PoolPolicy& policy : balancer.config().pools) {
    pool_timers.push_back({timers.add_class(policy.connection_pool.body_idle_timeout)});
  }
}

Context::~Context() {
  prober.cancel_all();
  clients.clear();
  keepalive.close_all();
  reap();
}

void Context::act(core::Instant now) {
  if (acting_) return;
  acting_ = true;
  while (const auto action = balancer.poll_action()) perform(now, *action);
  acting_ = false;
  for (const core::Transition& transition : balancer.take_transitions()) {
    observer.on_transition(transition);
  }
}

void Context::perform(core::Instant now, const core::Action& action) {
  struct Performer {
    Context& context;
    core::Instant now;

    void operator()(const core::StartAttempt& start) const {
      if (auto* owner = context.owner_of(start.attempt.request)) owner->start_attempt(now, start);
    }
    void operator()(const core::CancelAttempt& cancel) const {
      if (auto* owner = context.owner_of(cancel.attempt.request)) {
        owner->cancel_attempt(now, cancel);
      }
    }
    void operator()(const core::SendResponse& send) const {
      if (auto* owner = context.owner_of(send.attempt.request)) owner->send_response(now, send);
    }
    void operator()(const core::RejectRequest& reject) const {
      if (auto* owner = context.owner_of(reject.request)) owner->reject_request(now, reject);
    }
    void operator()(const core::AbortResponse& abort) const {
      if (auto* owner = context.owner_of(abort.request)) owner->abort_response(now, abort);
    }
    void operator()(const core::StartCheck& start) const { context.prober.start(now, start.check); }
    void operator()(const core::CancelCheck& cancel) const { context.prober.cancel(cancel.check); }
    void operator()(const core::IssueSession& issue) const {
      if (auto* owner = context.owner_of(issue.request)) owner->issue_session(issue);
    }
    // Without a remote store its lookups fail, and without copies nothing is mirrored. Whoever runs
    // a configuration that asks for them refuses it first.
    void operator()(const core::LookUpSession& look_up) const {
      context.balancer.on_session_store_failed(now, look_up.request);
    }
    void operator()(const core::StoreSession& /*store*/) const {}
    void operator()(const core::MirrorRequest& /*mirror*/) const {}
  };
  std::visit(Performer{*this, now}, action);
}

void Context::set_owner(core::RequestId request, ClientConnection* owner) {
  if (request.slot >= owners_.size()) owners_.resize(request.slot + 1, nullptr);
  owners_[request.slot] = owner;
}

ClientConnection* Context::owner_of(core::RequestId request) const {
  return request.slot < owners_.size() ? owners_[request.slot] : nullptr;
}

void Context::doom(std::unique_ptr<ClientConnection> connection) {
  doomed_clients_.push_back(std::move(connection));
}

void Context::doom(std::unique_ptr<BackendConnection> connection) {
  doomed_backends_.push_back(std::move(connection));
}

void Context::reap() {
  doomed_clients_.clear();
  doomed_backends_.clear();
  prober.reap();
}

std::unique_ptr<BackendConnection> Context::connect(core::BackendRef backend) {
  std::unique_ptr<Stream> stream = host.connect(backend);
  if (!stream) return nullptr;
  ++counts.connects;
  return std::make_unique<BackendConnection>(*this, backend, std::move(stream));
}

std::unique_ptr<Transaction> Context::take_transaction() {
  if (spare_transactions_.empty()) return std::make_unique<Transaction>();
  std::unique_ptr<Transaction> transaction = std::move(spare_transactions_.back());
  spare_transactions_.pop_back();
  return transaction;
}

void Context::give_back(std::unique_ptr<Transaction> transaction) {
  buffers.release(transaction->image);
  buffers.release(transaction->out);
  if (spare_transactions_.size() < kMaxSpareTransactions) {
    spare_transactions_.push_back(std::move(transaction));
  }
}

std::string_view Context::date() {
  const std::int64_t second = host.wall_seconds();
  if (second != date_second_) {
    date_second_ = second;
    write_date(second, date_);
  }
  return {date_, 29};
}

void Context::make_request_id(std::span<char, 32> out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<unsigned char, 16> bytes;
  host.entropy(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4U];
    out[2 * i + 1] = kDigits[bytes[i] & 15U];
  }
}

core::SessionKey Context::make_session_key() {
  std::array<unsigned char, 16> bytes;
  host.entropy(bytes);
  core::SessionKey key;
  for (unsigned i = 0; i < 8; ++i) key.high = key.high << 8U | bytes[i];
  for (unsigned i = 8; i < 16; ++i) key.low = key.low << 8U | bytes[i];
  return key;
}

std::optional<core::Classified> Context::classify(const http1::RequestHead& head,
                                                  const core::Address& client) const {
  const HeadFields fields(head.fields);
  core::RequestView view{
      head.method, head.host, http1::path_of(head), http1::query_of(head), client, false, fields};
  return router.classify(view, balancer.split_bits(), balancer.mirror_bits());
}

Turn::~Turn() {
  if (--context_.depth_ > 0) return;
  context_.act(now_);
  context_.reap();
}

}  // namespace evenkeel::net
