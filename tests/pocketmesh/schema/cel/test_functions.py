"""Kubernetes' CEL functions, one line each: the expression and its value."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.schema.cel.errors import EvaluationError
from pocketmesh.schema.cel.program import compiled

VALUES = {
    "strings": [
        ("'abc'.charAt(1)", "b"),
        ("'abc'.charAt(3)", ""),
        ("'héllo'.indexOf('l')", 2),
        ("'hello'.indexOf('l', 3)", 3),
        ("'hello'.lastIndexOf('l')", 3),
        ("'hello'.indexOf('z')", -1),
        ("'ÄBc'.lowerAscii()", "Äbc"),
        ("'äbC'.upperAscii()", "äBC"),
        ("'aaa'.replace('a', 'b', 2)", "bba"),
        ("'aaa'.replace('a', 'b')", "bbb"),
        ("'a,b,c'.split(',')", ["a", "b", "c"]),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("'a,b,c'.split(',', 0)", []),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'hello'.substring(1, 3)", "el"),
        ("'hello'.substring(4)", "o"),
        ("' a '.trim()", "a"),
        ("['a', 'b'].join('-')", "a-b"),
        ("['a', 'b'].join()", "ab"),
        ("strings.quote('a\"\\n')", '"a\\"\\n"'),
        ("'%s has %d of %s, 100%%'.format(['a', 3, [1, true, null]])", "a has 3 of [1, true, null], 100%"),
        ("'%.2f %x %b'.format([1.005, 255, 5])", "1.00 ff 101"),
        ("string(1) + string(1.5) + string(2.0) + string(true)", "11.52true"),
    ],
    "regular expressions": [
        ("'abc 123'.find('[0-9]+')", "123"),
        ("'abc'.find('[0-9]+')", ""),
        ("'1 2 3'.findAll('[0-9]')", ["1", "2", "3"]),
        ("'1 2 3'.findAll('[0-9]', 1)", ["1"]),
    ],
    "lists": [
        ("[1, 2, 2].isSorted()", True),
        ("['b', 'a'].isSorted()", False),
        ("[1, 2].sum()", 3),
        ("[].sum()", 0),
        ("[1.5, 2.5].sum()", 4.0),
        ("[3, 1].min()", 1),
        ("[3, 1].max()", 3),
        ("['a', 'b', 'a'].indexOf('a')", 0),
        ("['a', 'b', 'a'].lastIndexOf('a')", 2),
        ("[1].indexOf(true)", -1),
        ("[duration('1s'), duration('1m')].sum() == duration('61s')", True),
    ],
    "sets": [
        ("sets.contains([1, 2, 3], [3, 1])", True),
        ("sets.contains([1], [1, 2])", False),
        ("sets.equivalent([1, 1, 2], [2, 1])", True),
        ("sets.intersects([1], [2])", False),
    ],
    "URLs": [
        ("url('https://user@example.com:80/a%20b?x=1&x=2&y=').getScheme()", "https"),
        ("url('https://user@example.com:80/').getHost()", "example.com:80"),
        ("url('https://example.com:80/').getHostname()", "example.com"),
        ("url('https://[::1]:80/').getHostname()", "::1"),
        ("url('https://example.com:80/').getPort()", "80"),
        ("url('https://example.com/').getPort()", ""),
        ("url('https://example.com/a%20b').getEscapedPath()", "/a%20b"),
        ("url('/a?x=1&x=2&y=').getQuery()", {"x": ["1", "2"], "y": [""]}),
        ("url('HTTP://a').getScheme()", "http"),
        ("isURL('/a')", True),
        ("isURL('a')", False),
        ("isURL('')", False),
        ("isURL('http://a b/')", False),
        ("isURL('http://a:x/')", False),
        ("isURL('http://a/%zz')", False),
        ("isURL('http://[::1')", False),
        ("isURL('docker.io/a:1')", False),
        ("isURL('localhost:5000/a')", True),
    ],
    "IP addresses": [
        ("isIP('10.0.0.1')", True),
        ("isIP('10.0.0')", False),
        ("isIP('::ffff:10.0.0.1')", False),
        ("isIP('fe80::1%eth0')", False),
        ("ip('10.0.0.1').family()", 4),
        ("ip('::1').family()", 6),
        ("ip.isCanonical('::1')", True),
        ("ip.isCanonical('0:0::1')", False),
        ("ip('127.0.0.1').isLoopback()", True),
        ("ip('0.0.0.0').isUnspecified()", True),
        ("ip('169.254.1.1').isLinkLocalUnicast()", True),
        ("ip('224.0.0.1').isLinkLocalMulticast()", True),
        ("ip('10.0.0.1').isGlobalUnicast()", True),
        ("ip('255.255.255.255').isGlobalUnicast()", False),
        ("ip('::1') == ip('0:0::1')", True),
        ("string(ip('0:0::1'))", "::1"),
    ],
    "networks": [
        ("isCIDR('10.0.0.0/8')", True),
        ("isCIDR('10.0.0.0')", False),
        ("isCIDR('10.0.0.0/33')", False),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("cidr('10.0.0.0/8').containsIP(ip('11.1.2.3'))", False),
        ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", True),
        ("cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))", False),
        ("cidr('10.0.0.1/8').prefixLength()", 8),
        ("cidr('10.0.0.1/8').ip() == ip('10.0.0.1')", True),
        ("string(cidr('10.0.0.1/8').masked())", "10.0.0.0/8"),
    ],
    "quantities": [
        ("isQuantity('1.5Gi')", True),
        ("isQuantity('1 Gi')", False),
        ("quantity('1000m') == quantity('1')", True),
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('1').isLessThan(quantity('1'))", False),
        ("quantity('1').compareTo(quantity('2'))", -1),
        ("quantity('50k').add(quantity('20k')) == quantity('70k')", True),
        ("quantity('50k').sub(50000).sign()", 0),
        ("quantity('2k').asInteger()", 2000),
        ("quantity('500m').isInteger()", False),
        ("quantity('500m').asApproximateFloat()", 0.5),
    ],
    "formats": [
        ("format.dns1123Label().validate('a-b').hasValue()", False),
        ("format.dns1123Label().validate('A').hasValue()", True),
        ("format.dns1123Subdomain().validate('a.b').hasValue()", False),
        ("format.labelValue().validate('').hasValue()", False),
        ("format.qualifiedName().validate('a.b/C').hasValue()", False),
        ("format.named('date').value().validate('2026-01-31').hasValue()", False),
        ("format.named('datetime').value().validate('yesterday').hasValue()", True),
        ("format.uuid().validate('x').value().size()", 1),
        ("format.named('nonsense').hasValue()", False),
    ],
}
FAULTS = [
    ("'abc'.charAt(4)", "index out of range: 4"),
    ("'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
    ("'abc'.substring(4)", "index out of range: 4"),
    ("[].min()", "min called on empty list"),
    ("[1, 'a'].max()", "no such overload"),
    ("url('a')", 'URL parse error during conversion from string: parse "a": invalid URI for request'),
    ("ip('a')", "IP Address parse error during conversion from string"),
    ("cidr('10.0.0.1')", "network address parse error during conversion from string"),
    ("quantity('x')", "quantities must match the regular expression"),
    ("quantity('500m').asInteger()", "cannot convert value to integer"),
    ("'a'.find('[')", "Illegal regex"),
    ("'%d'.format(['a'])", "error during formatting"),
    ("'%s'.format([])", "index 0 out of range"),
    ("size(1)", "no such overload"),
    ("duration(1)", "no such overload"),
]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param(expression, value, id=f"{library}: {expression}")
        for library, rows in VALUES.items()
        for expression, value in rows
    ],
)
def test_a_function_gives_its_value(expression: str, value: Any) -> None:
    assert compiled(expression).evaluate({}) == value


@pytest.mark.parametrize(("expression", "fault"), FAULTS)
def test_a_function_says_why_it_has_no_value(expression: str, fault: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        compiled(expression).evaluate({})
    assert str(raised.value).startswith(fault)
