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

}  // namespace

Context::Context(core::Balancer& core_balancer, Host& world, Observer& told)
    : balancer(core_balancer),
      host(world),
      observer(told),
      router(balancer.config().routes),
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

Turn::~Turn() {
  if (--context_.depth_ > 0) return;
  context_.act(now_);
  context_.reap();
}

}  // namespace evenkeel::net
