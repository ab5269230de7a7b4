"""The plug-in by which twist and twistd find the gateway; installed as twisted/plugins/finger_gateway.py."""

from twisted.application.service import ServiceMaker

finger_gateway = ServiceMaker(
    "Finger Gateway",
    "gateway.twist",
    "One directory of people, asked through finger, the web and IRC.",
    "finger-gateway",
)
