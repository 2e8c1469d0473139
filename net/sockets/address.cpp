// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>

namespace evenkeel::net {
namespace {

template <typename T>
Address make_address(const T& socket_address) {
  Address address;
  std::memcpy(&address.storage, &socket_address, sizeof socket_address);
  address.size = sizeof socket_address;
  return address;
}

template <typename T>
T view_as(const Address& address) {
  T socket_address;
  std::memcpy(&socket_address, &address.storage, sizeof socket_address);
  return socket_address;
}

std::uint16_t port_of(const Address& address) {
  return address.storage.ss_family == AF_INET6 ? ntohs(view_as<sockaddr_in6>(address).sin6_port)
                                               : ntohs(view_as<sockaddr_in>(address).sin_port);
}

std::string with_port(const std::string& host, std::uint16_t port) {
  const bool bare_v6 = host.find(':') != std::string::npos && host.front() != '[';
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

std::optional<Address> literal_address(const core::Endpoint& endpoint) {
  std::string host = endpoint.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  sockaddr_in v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    return make_address(v4);
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    return make_address(v6);
  }
  return std::nullopt;
}

core::Result<std::vector<Address>, std::string> resolve(const core::Endpoint& endpoint) {
  if (const auto literal = literal_address(endpoint)) return std::vector<Address>{*literal};
  boost::asio::io_context io;
  boost::asio::ip::tcp::resolver resolver(io);
  boost::system::error_code error;
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), error);
  std::vector<Address> addresses;
  for (const auto& entry : found) {
    Address address;
    address.size = static_cast<socklen_t>(entry.endpoint().size());
    std::memcpy(&address.storage, entry.endpoint().data(), entry.endpoint().size());
    addresses.push_back(address);
  }
  if (addresses.empty()) {
    return core::Unexpected{"cannot find the address of " + to_text(endpoint) + ": " +
                            (error ? error.message() : std::string("the name has none"))};
  }
  return addresses;
}

std::string host_text(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.storage.ss_family == AF_INET6) {
    const auto v6 = view_as<sockaddr_in6>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
  } else {
    const auto v4 = view_as<sockaddr_in>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  }
  return text;
}

std::string to_text(const Address& address) {
  return with_port(host_text(address), port_of(address));
}

std::string to_text(const core::Endpoint& endpoint) {
  return with_port(endpoint.host, endpoint.port);
}

}  // namespace evenkeel::net
