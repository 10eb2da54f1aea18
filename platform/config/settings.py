"""Settings, read from the environment. docs/operations.md lists every variable.

Nothing here has a secret default: a missing SECRET_KEY or DATABASE_URL is an error, except in the
demonstration, where ``config.services`` supplies generated ones (kept in ``var/``).
"""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config.environment import Environment
from organization.sealing import read_keys

# Threads that spin for each other make fitting on a busy machine several times slower; read by the
# OpenMP library when it is loaded, which is after this.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

BASE_DIR = Path(__file__).resolve().parents[2]
env = Environment()

DEBUG = env.bool("PARCFOLIO_DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
PARCFOLIO_DEMO = env.bool("PARCFOLIO_DEMO", default=False)
# Key material for sealed personal fields: 32 bytes, URL-safe base64 (organization.sealing).
PARCFOLIO_MASTER_KEY = read_keys(
    env.str("PARCFOLIO_MASTER_KEY", default=""), env.str("PARCFOLIO_MASTER_KEY_FILE", default="")
)
PARCFOLIO_INDEX_KEY = env.str("PARCFOLIO_INDEX_KEY", default="")
VAR_DIR = Path(env.str("PARCFOLIO_VAR", default=str(BASE_DIR / "var")))
UPLOAD_DIR = VAR_DIR / "uploads"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_filters",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "web",
    "organization",
    "customers",
    "ml",
    "valuation",
    "config",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "web.response_headers.ResponseHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "web.characters.NulRefused",
    "web.refused_methods.RefusedMethods",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "organization.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.api.afterwards.AfterTheTransaction",
    "organization.middleware.AccessMiddleware",
    "ml.stale_banner.ScoreFreshness",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.shell.shell",
            ],
        },
    }
]

# Two roles, two connections. The application signs in as a role that neither owns a table nor is
# a superuser, so row-level security binds it; only `migrate` and maintenance use the owner.
DATABASES = {
    "default": env.postgres("DATABASE_URL"),
    "owner": env.postgres("DATABASE_OWNER_URL", "DATABASE_URL"),
}
for _database in DATABASES.values():
    _database.setdefault("OPTIONS", {})["server_side_binding"] = False
    _database["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
    _database["CONN_HEALTH_CHECKS"] = True
DATABASE_ROUTERS = ["config.databases.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": (
        {
            "BACKEND": "config.cache.Memory",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

AUTH_USER_MODEL = "organization.Account"
AUTHENTICATION_BACKENDS = ["organization.signin.LoginBackend"]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "signin"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "organization.passwords.LengthLimitValidator"},
    {"NAME": "organization.passwords.CommonCoreValidator"},
    {"NAME": "organization.passwords.NamePartsValidator"},
]
# How long an administrator's link to set a password is good.
PASSWORD_RESET_TIMEOUT = 3600
# Executives, data stewards and administrators sign in with a second factor.
SECOND_FACTOR = env.bool("PARCFOLIO_SECOND_FACTOR", default=not (DEBUG or PARCFOLIO_DEMO))
# The group's identity provider (OpenID Connect): on where both issuer and client are named.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_SCOPE = env.str("OIDC_SCOPE", default="openid profile email")
OIDC_CLAIM = env.str("OIDC_CLAIM", default="preferred_username")
OIDC_GROUP = env.str("OIDC_GROUP", default="")
OIDC_LABEL = env.str("OIDC_LABEL", default="SSO")
OIDC_ONLY = env.bool("OIDC_ONLY", default=False)
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
USE_I18N = True
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or env.bool("PARCFOLIO_TEST", default=False)
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
# Form fields; files are limited by IMPORT_UPLOAD_MB as they are received, and by the proxy.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Transport and browser protection. Behind a TLS proxy set PARCFOLIO_HTTPS=1 (docs/operations.md).
HTTPS = env.bool("PARCFOLIO_HTTPS", default=not (DEBUG or PARCFOLIO_DEMO))
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    # No neighbouring host or plain page can plant a cookie of these names.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "organization.session_store"
# Since sign-in, and since the last request.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=60)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.authentication.Token",
        "config.api.authentication.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.authentication.MayRead"],
    "DEFAULT_THROTTLE_CLASSES": ["config.api.authentication.PerCaller"],
    "DEFAULT_THROTTLE_RATES": {"caller": env.str("API_RATE", default="600/min")},
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "config.api.Cursor",
    "EXCEPTION_HANDLER": "config.api.problems.handle",
}
# One body of rows in megabytes, and how many seconds a request waits for another import to end
# before it is answered with 202.
API_BULK_MB = env.int("API_BULK_MB", default=16)
API_BULK_WAIT = env.float("API_BULK_WAIT", default=10.0)
SPECTACULAR_SETTINGS = {
    "TITLE": "Parcfolio",
    "VERSION": "1",
    "DESCRIPTION": "What your role shows you, and rows in; see docs/api.md.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.documents.mark_gated_fields",
        "config.api.documents.add_problems",
    ],
    # Drawing the schema needs an empty queryset and has no access, which `objects` insists on.
    "DEFAULT_QUERY_MANAGER": "_base_manager",
    "ENUM_NAME_OVERRIDES": {
        "CustomerKindEnum": "customers.models.people.CustomerKind",
        "EventKindEnum": "customers.models.contracts.Event.Kind",
        "JobKindEnum": "customers.models.visits.JobKind",
        "RunStatusEnum": "customers.models.imports.ImportRun.Status",
        "VisitStatusEnum": "customers.models.visits.Visit.Status",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# Files left in DROP_DIR/<group code>/ load by themselves once nothing has been written to them for
# so many seconds, or at once where a .done file says so (customers.deliveries.folders).
DROP_DIR = Path(env.str("PARCFOLIO_DROP", default=str(VAR_DIR / "drop")))
DROP_SETTLE_SECONDS = env.int("DROP_SETTLE_SECONDS", default=120)
# Letters to data stewards: smtp+tls://user:password@host:587; without it they go to the log.
EMAIL_URL = env.str("EMAIL_URL", default="consolemail://")
vars().update(env.email_url_config(EMAIL_URL))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="parcfolio@localhost")
EMAIL_TIMEOUT = 20
# How people reach the pages, for links in letters.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")

# Who may read /metrics from elsewhere than this machine or its private network (config.metrics).
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# Customers that a worker scores at a time, and how long a training or scoring worker may be silent
# before another takes over.
SCORING_CHUNK_CUSTOMERS = env.int("SCORING_CHUNK_CUSTOMERS", default=20_000)
TRAINING_LEASE_SECONDS = env.int("TRAINING_LEASE_SECONDS", default=60)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"refusals": {"()": "config.log_lines.RefusalsWithoutTraceback"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}
