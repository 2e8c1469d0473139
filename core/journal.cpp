// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/journal.h"

namespace evenkeel::core {

std::string_view to_text(EntryKind kind) {
  switch (kind) {
    case EntryKind::request:
      return "request";
    case EntryKind::attempt_sent:
      return "attempt_sent";
    case EntryKind::replay_lost:
      return "replay_lost";
    case EntryKind::response_head:
      return "response_head";
    case EntryKind::response_end:
      return "response_end";
    case EntryKind::attempt_failed:
      return "attempt_failed";
    case EntryKind::client_gone:
      return "client_gone";
    case EntryKind::finished:
      return "finished";
    case EntryKind::check_ended:
      return "check_ended";
    case EntryKind::deadline:
      return "deadline";
    case EntryKind::health_deadline:
      return "health_deadline";
    case EntryKind::start_attempt:
      return "start_attempt";
    case EntryKind::cancel_attempt:
      return "cancel_attempt";
    case EntryKind::send_response:
      return "send_response";
    case EntryKind::reject_request:
      return "reject_request";
    case EntryKind::abort_response:
      return "abort_response";
    case EntryKind::start_check:
      return "start_check";
    case EntryKind::cancel_check:
      return "cancel_check";
    case EntryKind::transition:
      return "transition";
    case EntryKind::reload:
      return "reload";
    case EntryKind::session_found:
      return "session_found";
    case EntryKind::session_failed:
      return "session_failed";
    case EntryKind::admin:
      return "admin";
    case EntryKind::pressure:
      return "pressure";
    case EntryKind::queued:
      return "queued";
    case EntryKind::to_pool:
      return "to_pool";
    case EntryKind::look_up_session:
      return "look_up_session";
    case EntryKind::issue_session:
      return "issue_session";
    case EntryKind::mirror:
      return "mirror";
    case EntryKind::message_in:
      return "message_in";
    case EntryKind::message_out:
      return "message_out";
  }
  return "?";
}

std::string to_text(const Entry& entry) {
  const auto nanoseconds = entry.at.time_since_epoch().count();
  std::string fraction = std::to_string(nanoseconds % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  const bool about_backend =
      entry.kind == EntryKind::check_ended || entry.kind == EntryKind::health_deadline ||
      entry.kind == EntryKind::start_check || entry.kind == EntryKind::cancel_check ||
      entry.kind == EntryKind::transition;
  const std::uint64_t major = about_backend ? entry.subject >> 32U : entry.subject >> 4U;
  const std::uint64_t minor = about_backend ? entry.subject & 0xffffffffU : entry.subject & 15U;
  return std::to_string(nanoseconds / 1'000'000'000) + "." + fraction + "s " +
         std::string(to_text(entry.kind)) + " " + std::to_string(major) + "/" +
         std::to_string(minor) + " " + std::to_string(entry.detail);
}

std::string to_text(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (unsigned i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[(digest.high >> (4 * i)) & 15U];
    text[31 - i] = kDigits[(digest.low >> (4 * i)) & 15U];
  }
  return text;
}

std::vector<Entry> Journal::recent() const {
  std::vector<Entry> entries;
  if (mode_ != JournalMode::keep) return entries;
  const std::uint64_t first = count_ > kKept ? count_ - kKept : 0;
  for (std::uint64_t i = first; i < count_; ++i) entries.push_back(kept_[i % kKept]);
  return entries;
}

}  // namespace evenkeel::core
