"""The example service: a school that takes job applications and uses all four services, as any office would."""
