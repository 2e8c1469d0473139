// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/run.h"

namespace evenkeel::sim {

std::string to_text(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(32);
  for (const std::uint64_t lane : digest.lanes) {
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(lane >> shift) & 15U];
  }
  return text;
}

const char* id_of(Invariant invariant) {
  switch (invariant) {
    case Invariant::conservation:
      return "I1";
    case Invariant::single_delivery:
      return "I2";
    case Invariant::retry_bound:
      return "I3";
    case Invariant::obedience:
      return "I4";
    case Invariant::no_leak:
      return "I5";
    case Invariant::causality:
      return "I6";
    case Invariant::attempt_bound:
      return "I7";
  }
  return "";
}

const char* sentence_of(Invariant invariant) {
  switch (invariant) {
    case Invariant::conservation:
      return "arrivals are the sum of successes, failures, rejections and requests in flight";
    case Invariant::single_delivery:
      return "no backend begins a non-idempotent request a second time";
    case Invariant::retry_bound:
      return "retries stay within the budget's percentage and reserve";
    case Invariant::obedience:
      return "nothing is sent to a backend that was taken out";
    case Invariant::no_leak:
      return "after the drain no request, attempt, connection or timer is left";
    case Invariant::causality:
      return "the clock is monotone and every event is handled at its time";
    case Invariant::attempt_bound:
      return "no request has more attempts than its policy allows";
  }
  return "";
}

}  // namespace evenkeel::sim
