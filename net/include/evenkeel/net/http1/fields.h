// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evenkeel::net::http1 {

// The fields this proxy treats specially; everything else is `other` and passes unchanged.
enum class FieldId : std::uint8_t {
  other,
  connection,
  content_length,
  date,
  expect,
  host,
  keep_alive,
  max_forwards,
  proxy_connection,
  retry_after,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  via,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_request_id,
};

// Answers for any letter case, as names are case-insensitive.
[[nodiscard]] FieldId field_id(std::string_view name);

struct Field {
  std::string_view name;
  std::string_view value;  // without the white space around it
  FieldId id = FieldId::other;
  // Ends at this proxy: Connection and what it nominates, Keep-Alive, Proxy-Connection, TE,
  // Trailer, Upgrade. A nomination never marks a field that frames the message, names its host or
  // is written by this proxy: else a client could strip what the backend must see.
  bool hop_by_hop = false;
};

// The fields of one message in the order received, without allocation: about 4 KiB, so keep one
// per worker and let every parse fill it anew. Clearing it does not touch the array.
class Fields {
 public:
  static constexpr std::size_t kCapacity = 100;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool full() const { return size_ == kCapacity; }
  [[nodiscard]] const Field& operator[](std::size_t i) const { return items_[i]; }
  [[nodiscard]] const Field* begin() const { return items_.data(); }
  [[nodiscard]] const Field* end() const { return items_.data() + size_; }
  [[nodiscard]] Field* begin() { return items_.data(); }
  [[nodiscard]] Field* end() { return items_.data() + size_; }

  // Never for `other`.
  [[nodiscard]] bool has(FieldId id) const { return (present_ & bit(id)) != 0; }
  // First field of that id or name (any letter case); null when there is none.
  [[nodiscard]] const Field* find(FieldId id) const;
  [[nodiscard]] const Field* find(std::string_view name) const;

  void clear() {
    size_ = 0;
    present_ = 0;
  }
  // Only when not full().
  Field& add(std::string_view name, std::string_view value, FieldId id) {
    Field& field = items_[size_++];
    field.name = name;
    field.value = value;
    field.id = id;
    field.hop_by_hop = false;
    present_ |= bit(id);
    return field;
  }

 private:
  static constexpr std::uint32_t bit(FieldId id) {
    return id == FieldId::other ? 0 : std::uint32_t{1} << static_cast<unsigned>(id);
  }

  std::array<Field, kCapacity> items_;
  std::size_t size_ = 0;
  std::uint32_t present_ = 0;  // one bit for each special id
};

}  // namespace evenkeel::net::http1
