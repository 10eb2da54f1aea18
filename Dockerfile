# One image for web, workers, beat and one-off commands; docker-compose.yml says which runs what.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 libpango-1.0-0 libpangocairo-1.0-0 \
        fonts-noto-cjk curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /home/parcfolio parcfolio

WORKDIR /srv/parcfolio
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=passive \
    PYTHONPATH=/srv/parcfolio:/srv/parcfolio/platform PARCFOLIO_VAR=/var/lib/parcfolio

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY manage.py pyproject.toml ./
COPY platform platform
COPY customers customers
COPY ml ml
COPY valuation valuation
RUN mkdir -p /var/lib/parcfolio && chown parcfolio /var/lib/parcfolio \
    && SECRET_KEY=build PARCFOLIO_MASTER_KEY=build DATABASE_URL=postgres://build@localhost/build \
        python manage.py compile_translations

USER parcfolio
VOLUME /var/lib/parcfolio
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "4", "--threads", "2"]
