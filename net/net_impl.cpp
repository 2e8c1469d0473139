// SPDX-License-Identifier: Apache-2.0
//
// The one translation unit that holds the non-template code of Asio and Beast. Every other one sees
// declarations only, which makes it compile in about half the time. Asio's TLS part is not here:
// TLS is an SSL object over memory BIOs behind the same Stream port as plain sockets.

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
