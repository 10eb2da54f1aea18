"""The notice that every export of a pool carries, in both languages whatever the reader's is."""

NOTICE_EN = (
    "Management estimate, structuring simulation; not a rated or eligible asset. Expected future"
    " visits are voluntary and no receivable."
)
NOTICE_ZH = (
    "管理层估计，结构化模拟；非评级资产，亦非合格基础资产。"
    "预期的未来进厂出于客户自愿，不构成应收账款。"
)
NOTICE = f"{NOTICE_EN} {NOTICE_ZH}"
