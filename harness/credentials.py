"""Who may talk to the instance: its certificates, its users' tokens and the kubeconfig files made of them.

Tokens are enough for the users that are known when the API server starts. Any other user gets a client certificate.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import secrets
from collections.abc import Sequence
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.state import Instance

NODE_NAME = "node"

USERS: dict[str, tuple[str, ...]] = {
    "admin": ("system:masters",),
    "operator": (),
    "viewer": (),
    "kwok": ("system:masters",),
    "kueue": ("system:masters",),
    "coredns": ("system:masters",),
    "jobset": ("system:masters",),
    "trainer": ("system:masters",),
    "kuberay": ("system:masters",),
    "system:kube-controller-manager": (),
    "system:kube-scheduler": (),
    "system:kube-proxy": (),
    f"system:node:{NODE_NAME}": ("system:nodes",),
}
"""Users with a token, and their groups. ``operator`` and ``viewer`` may do nothing until a test binds them."""


def create(instance: Instance) -> None:
    """Make the authority, the servers' certificate, the service account key and every known user's kubeconfig."""
    pki = instance.path("pki", "ca.key").parent
    key = _new_key(pki / "ca.key")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evonas-test-ca")])
    basic = x509.BasicConstraints(ca=True, path_length=None)
    authority = _builder(name, key.public_key()).issuer_name(name).add_extension(basic, critical=True)
    _write_certificate(pki / "ca.crt", authority.sign(key, hashes.SHA256()))
    _issue(pki, "server", "kube-apiserver", alternatives=_server_names(instance))
    _issue(pki, "kubelet-client", "kube-apiserver", groups=["system:masters"])
    account_key = _new_key(pki / "service-account.key")
    (pki / "service-account.pub").write_bytes(_public_pem(account_key))
    tokens = {user: secrets.token_hex(16) for user in USERS}
    lines = [f'{tokens[user]},{user},{user},"{",".join(groups)}"' for user, groups in USERS.items()]
    instance.path("pki", "tokens.csv").write_text("\n".join(lines) + "\n")
    for user, token in tokens.items():
        _write_kubeconfig(instance, kubeconfig_path(instance, user), {"token": token})


def kubeconfig_path(instance: Instance, user: str) -> Path:
    """Where the kubeconfig of a known user lies."""
    return instance.path(f"{user.removeprefix('system:').replace(':', '-')}.kubeconfig")


def kubeconfig_for(instance: Instance, user: str, groups: Sequence[str] = ()) -> Path:
    """A kubeconfig for any user in any groups."""
    if USERS.get(user) == tuple(groups):
        return kubeconfig_path(instance, user)
    pki = instance.folder / "pki"
    stem = f"user-{secrets.token_hex(4)}"
    certificate, key = _issue(pki, stem, user, groups=groups)
    encoded = {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}
    path = instance.path(f"{stem}.kubeconfig")
    _write_kubeconfig(instance, path, encoded)
    return path


def _server_names(instance: Instance) -> list[x509.GeneralName]:
    service = [".".join(["kubernetes", "default", "svc", "cluster", "local"][:count]) for count in (1, 2, 3, 5)]
    names = [*service, "localhost", NODE_NAME]
    addresses = {"127.0.0.1", instance.host, instance.service_ip}
    return [
        *map(x509.DNSName, names),
        *(x509.IPAddress(ipaddress.ip_address(it)) for it in sorted(addresses)),
    ]


def _issue(
    pki: Path,
    stem: str,
    common_name: str,
    *,
    groups: Sequence[str] = (),
    alternatives: Sequence[x509.GeneralName] = (),
) -> tuple[Path, Path]:
    """Sign a certificate for one name; Kubernetes reads the groups from its organisations."""
    authority = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    authority_key = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), password=None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    key = _new_key(pki / f"{stem}.key")
    builder = _builder(subject, key.public_key()).issuer_name(authority.subject)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    _write_certificate(pki / f"{stem}.crt", builder.sign(authority_key, hashes.SHA256()))
    return pki / f"{stem}.crt", pki / f"{stem}.key"


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )


def _new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    # Elliptic curves: made in no time, where a handful of RSA keys would be a second of every start.
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return key


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind)


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_kubeconfig(instance: Instance, path: Path, user: dict[str, str]) -> None:
    authority = _encoded(instance.folder / "pki" / "ca.crt")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": instance.server, "certificate-authority-data": authority}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
