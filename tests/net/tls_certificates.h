// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "evenkeel/core/policies.h"

namespace evenkeel::test {

// A directory of self-signed certificates, made for one test and removed with it.
class Certificates {
 public:
  // Seconds since 1970 at which tests look at validity.
  static constexpr std::int64_t kNow = 1'900'000'000;

  Certificates() {
    std::string pattern = (std::filesystem::temp_directory_path() / "evenkeel-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~Certificates() { std::filesystem::remove_all(directory_); }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  // For `host`, valid from a day before kNow plus `shift` seconds, for two days.
  core::CertificatePolicy make(const std::string& host, std::int64_t shift = 0) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), &X509_free);
    constexpr std::int64_t kDay = 86400;
    X509_set_version(x509.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), ++count_);
    ASN1_TIME_set(X509_getm_notBefore(x509.get()), kNow + shift - kDay);
    ASN1_TIME_set(X509_getm_notAfter(x509.get()), kNow + shift + kDay);
    X509_set_pubkey(x509.get(), key.get());
    X509_NAME* name = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509.get(), name);
    X509_sign(x509.get(), key.get(), EVP_sha256());
    core::CertificatePolicy policy;
    policy.cert_file = path(std::to_string(count_) + ".crt");
    policy.key_file = path(std::to_string(count_) + ".key");
    std::FILE* out = std::fopen(policy.cert_file.c_str(), "w");
    PEM_write_X509(out, x509.get());
    std::fclose(out);
    out = std::fopen(policy.key_file.c_str(), "w");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    return policy;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string directory_;
  int count_ = 0;
};

}  // namespace evenkeel::test
