"""Spark's error codes as data, and what a person reads of each.

Meanings are the service's own [doc] except where others observed them [3p]. The table serves both of its
protocols: over HTTP the status says nothing, the code everything.
"""

from __future__ import annotations

CASES: dict[str, str] = {
    code: case
    for case, codes in {
        # socket upgrade, read, write; engine connect, receive, send; engine internal; its network
        "server_error.service": "10000 10001 10002 10009 10010 10011 10012 10017 10222",
        "invalid_request.spark_schema": "10003 10004 10005 10163",
        "rate_limit.spark_one_at_a_time": "10006 10007",
        "overloaded.service": "10008 10110 10223",
        "content_filter.spark_input": "10013 10021 10022",
        "content_filter.spark_output": "10014",
        "content_filter.spark_trend": "10019",
        "permission.service": "10015",  # black-listed
        "permission.spark_license": "10016 11200",
        "protocol.spark_pings": "10018",
        "invalid_request.spark_model": "10404",  # [3p]
        "context_length.spark_tokens": "10907",
        "quota_exhausted.spark_daily": "11201",
        "rate_limit.spark_rate": "11202",
        "rate_limit.spark_concurrency": "11203",
        "quota_exhausted.spark_credits": "11210",  # [3p] NotEnoughCvError
    }.items()
    for code in codes.split()
}

KINDS = {code: case.partition(".")[0] for code, case in CASES.items()}

WITHDRAWS = "10014"
"""The output was rejected: what has been shown of it is to be taken back."""

LASTING = frozenset({"10017"})
"""Failures of the service that do not go away by asking again; nor do those with no known number."""
