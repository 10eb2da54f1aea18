"""What is wrong and what would be right, in both languages, by code.

The words stand here and not in the gettext catalogue because the refusal file carries both
languages side by side, whatever the reader's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHINESE, ENGLISH = "zh-hans", "en"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a cell, a row or a file: a code of ``TEXTS`` and what it names."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


class CellRefused(Exception):
    """A cell that cannot be taken as what its column declares."""

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(code)
        self.problem = Problem(code, values)


class FileRefused(Exception):
    """A file or folder that cannot be loaded at all; nothing of it has been written."""

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(message(code, values, ENGLISH))
        self.problem = Problem(code, values)


def message(code: str, values: Mapping[str, Any], language: str) -> str:
    """The sentence for ``code`` in ``language`` (``zh-hans`` or ``en``); unknown codes raise."""
    english, chinese = TEXTS[code]
    return (chinese if language.lower().startswith("zh") else english).format_map(values)


def both(code: str, values: Mapping[str, Any]) -> str:
    """Chinese and English in one cell, as the refusal file has them."""
    return f"{message(code, values, CHINESE)} / {message(code, values, ENGLISH)}"


CELLS = {
    "required_empty": ("{column} must not be empty", "{column} 不能为空"),
    "too_long": (
        "“{value}” has {length} characters; at most {most} fit",
        "“{value}”有 {length} 个字符，最多 {most} 个",
    ),
    "formula": (
        "“{value}” is a formula; paste it as a value",
        "“{value}”是公式，请粘贴为数值",
    ),
    "nul_byte": ("the row holds NUL bytes; export it again", "该行含有空字节（NUL），请重新导出"),
    "bad_encoding": (
        "the row is not valid {encoding}; export the file in one encoding",
        "该行不是有效的 {encoding} 编码，请用同一种编码重新导出",
    ),
    "open_quote": (
        "a quotation mark is opened and never closed; double it or remove it",
        "引号没有闭合，请成对书写或删除",
    ),
    "wrong_width": (
        "the row has {cells} cells and the header has {header}",
        "该行有 {cells} 个单元格，而表头有 {header} 个",
    ),
    "scientific": (
        "“{value}” lost its digits in Excel; format the column as text and export it again",
        "“{value}”在 Excel 中丢失了位数，请将该列设为文本后重新导出",
    ),
    "not_a_choice": (
        "“{value}” is none of: {choices}",
        "“{value}”不在可选值之内：{choices}",
    ),
    "not_a_date": (
        "“{value}” is not a date; write it as 2026-01-31",
        "“{value}”不是日期，请写成 2026-01-31",
    ),
    "not_an_instant": (
        "“{value}” is not a date and time; write it as 2026-01-31 09:30",
        "“{value}”不是日期时间，请写成 2026-01-31 09:30",
    ),
    "in_the_future": (
        "{value} lies in the future; it cannot have happened yet",
        "{value} 是未来的日期，不可能已经发生",
    ),
    "out_of_time": (
        "{value} lies outside {least} to {most}",
        "{value} 超出 {least} 至 {most} 的范围",
    ),
    "not_a_month": (
        "“{value}” is not a month; write it as 2026-01",
        "“{value}”不是月份，请写成 2026-01",
    ),
    "not_a_number": (
        "“{value}” is not a number; write digits with a dot",
        "“{value}”不是数字，请用阿拉伯数字和小数点",
    ),
    "not_whole": ("“{value}” is not a whole number", "“{value}”不是整数"),
    "out_of_range": (
        "{value} lies outside {least} to {most}",
        "{value} 超出 {least} 至 {most} 的范围",
    ),
    "not_a_truth": (
        "“{value}” is neither yes nor no; write y or n",
        "“{value}”既非是也非否，请写“是”或“否”",
    ),
    "bad_vin": (
        "“{value}” is not a VIN: 17 letters and digits without I, O and Q",
        "“{value}”不是有效的车架号：17 位字母和数字，不含 I、O、Q",
    ),
    "bad_plate": (
        "“{value}” is not a plate: province sign, letter, 5 or 6 characters without I and O",
        "“{value}”不是有效的车牌：省份简称、字母及 5 或 6 位字符，不含 I、O",
    ),
    "bad_phone": (
        "the number (…{tail}) is not a phone number; a mobile has 11 digits from 13 to 19",
        "号码（…{tail}）不是有效的电话；手机号为 11 位，以 13 至 19 开头",
    ),
    "bad_id_number": (
        "the identity number (…{tail}) is not valid: 18 characters with their check digit, or a"
        " company's code",
        "证件号码（…{tail}）无效：应为 18 位且校验码正确，或为单位代码",
    ),
}
ROWS = {
    "unknown_store": (
        "store “{value}” is not known in this group; load org_units first",
        "本集团没有门店“{value}”，请先导入 org_units",
    ),
    "unknown_unit": (
        "unit “{value}” is not known in this group; load org_units first",
        "本集团没有单位“{value}”，请先导入 org_units",
    ),
    "not_a_division": (
        "“{value}” is a {level}; a policy belongs to a division or the group",
        "“{value}”的层级是 {level}；政策应属于事业部或集团",
    ),
    "unknown_parent": (
        "the parent “{value}” is not known; list it in this file at a higher level",
        "上级单位“{value}”不存在，请在本文件中以更高层级列出",
    ),
    "foreign_group": (
        "“{value}” is another group; this run loads group {group}",
        "“{value}”是另一个集团；本次导入的是集团 {group}",
    ),
    "level_changed": (
        "“{value}” is a {level} already; a unit keeps its level",
        "“{value}”已是 {level}；单位的层级不能更改",
    ),
    "unknown_customer": (
        "customer number “{value}” is not known at store {store}; load customers first",
        "门店 {store} 没有客户编号“{value}”，请先导入 customers",
    ),
    "unknown_visit": (
        "repair order “{value}” is not known at store {store}; load visits first",
        "门店 {store} 没有工单“{value}”，请先导入 visits",
    ),
    "unknown_vehicle": (
        "no vehicle with VIN “{value}” is known; load vehicles first (the row is kept without it)",
        "没有车架号为“{value}”的车辆，请先导入 vehicles（该行已导入，车辆留空）",
    ),
    "unknown_original": (
        "the credit's original “{value}” is not known at store {store}",
        "门店 {store} 没有被冲销的原工单“{value}”",
    ),
    "credit_without_original": (
        "a credit must name the repair order that it nets in original_ro_no",
        "红字冲销必须在 original_ro_no 中注明原工单",
    ),
    "closed_before_opened": (
        "closed at {closed}, before it was opened at {opened}",
        "结算时间 {closed} 早于开单时间 {opened}",
    ),
    "ends_before_starts": ("ends on {end}, before {start}", "结束日期 {end} 早于开始日期 {start}"),
    "answered_before_sent": (
        "answered at {answered}, before it was sent at {sent}",
        "答复时间 {answered} 早于发送时间 {sent}",
    ),
    "before_built": (
        "on {day}, before the vehicle was built on {built}",
        "日期 {day} 早于车辆生产日期 {built}",
    ),
    "mileage_jump": (
        "{value} km lies 200,000 km or more above the vehicle's neighbouring visits ({near} km);"
        " the mileage is left empty",
        "里程 {value} 公里比相邻进厂记录（{near} 公里）高出 20 万公里以上，里程已留空",
    ),
    "key_missing": (
        "the key columns of a row of {value} must be filled",
        "{value} 的键列不能为空",
    ),
    "unknown_kind": (
        "“{value}” is no file of the exchange format",
        "“{value}”不是交换格式中的文件",
    ),
    "still_used": (
        "cannot be deleted: {count} other records refer to it; delete those first",
        "不能删除：仍有 {count} 条其他记录引用，请先删除它们",
    ),
    "not_deletable": (
        "rows of {value} cannot be deleted by file; end or correct them",
        "{value} 的记录不能通过文件删除，请改为终止或更正",
    ),
}
FILES = {
    "missing_path": ("{path} does not exist", "{path} 不存在"),
    "no_files": (
        "{path} holds no file of the exchange format; expected one of: {names}",
        "{path} 中没有交换格式的文件；应为：{names}",
    ),
    "unknown_name": (
        "{name} is not a file of the exchange format; did you mean {nearest}?",
        "{name} 不是交换格式的文件；是否为 {nearest}？",
    ),
    "two_files": (
        "{kind} is there twice ({names}); leave one of them",
        "{kind} 有两个文件（{names}），请只保留一个",
    ),
    "unreadable_file": (
        "{name} cannot be read ({reason}); check that it is there and may be read",
        "{name} 无法读取（{reason}），请确认文件存在且有读取权限",
    ),
    "empty_file": ("{name} is empty (0 bytes)", "{name} 是空文件（0 字节）"),
    "no_header": ("{name} has no header row", "{name} 没有表头"),
    "not_text": (
        "{name} is not a text file ({found}); export it as CSV or XLSX",
        "{name} 不是文本文件（{found}），请导出为 CSV 或 XLSX",
    ),
    "mixed_encodings": (
        "{name} mixes UTF-8 and GBK ({utf8} and {gbk} lines); export it in one encoding",
        "{name} 混用 UTF-8 与 GBK（{utf8} 行与 {gbk} 行），请用同一种编码导出",
    ),
    "giant_line": (
        "{name} has a line longer than {most} bytes near byte {at}; it is not a table",
        "{name} 在第 {at} 字节附近有超过 {most} 字节的行，不是表格",
    ),
    "unreadable_workbook": (
        "{name} cannot be opened as an XLSX workbook ({reason}); save it again in Excel",
        "{name} 无法作为 XLSX 打开（{reason}），请在 Excel 中重新保存",
    ),
    "unreadable_archive": (
        "{name} cannot be unpacked as a ZIP archive ({reason})",
        "{name} 无法作为 ZIP 解压（{reason}）",
    ),
    "deadly_delivery": (
        "loading {name} ended the worker {times} times without a word, as when memory runs out; it"
        " is set aside and not tried again: check the file, split it, or drop it changed",
        "导入 {name} 时工作进程 {times} 次异常终止（例如内存不足），已搁置，不再重试；"
        "请检查或拆分文件，修改后重新投递",
    ),
    "oversized_texts": (
        "{name} keeps {megabytes} MB of texts and formats apart from its rows, more than {most} MB"
        " fit in memory; export it as CSV",
        "{name} 在行数据之外还有 {megabytes} MB 的文本和格式，"
        "超过可读入内存的 {most} MB，请导出为 CSV",
    ),
    "too_many_texts": (
        "{name} keeps more than {most} different texts, more than fit in memory; export it as CSV",
        "{name} 中不同文本超过 {most} 个，无法全部读入内存，请导出为 CSV",
    ),
    "giant_row": (
        "{name} has a row of more than {most} MB; it is not a table",
        "{name} 有一行超过 {most} MB，不是表格",
    ),
    "oversized_workbook": (
        "{name} would unpack to {megabytes} MB, more than {most} MB; export it as CSV",
        "{name} 解压后为 {megabytes} MB，超过 {most} MB，请导出为 CSV",
    ),
    "duplicate_headers": (
        "{name} names a column twice: {names}",
        "{name} 的列名重复：{names}",
    ),
    "too_many_columns": (
        "{name} has {count} columns; at most {most} are read",
        "{name} 有 {count} 列，最多 {most} 列",
    ),
    "missing_columns": ("{name} lacks {names}{nearest}", "{name} 缺少列 {names}{nearest}"),
    "unknown_profile": (
        "there is no mapping profile “{name}”; known: {known}",
        "没有名为“{name}”的映射方案；已有：{known}",
    ),
    "unknown_group": (
        "group {code} is not known; known: {known}",
        "集团 {code} 不存在；已有：{known}",
    ),
    "no_group": (
        "name the group with --group; known: {known}",
        "请用 --group 指定集团；已有：{known}",
    ),
    "no_group_yet": (
        "there is no group yet: load org_units first, with a row of level group",
        "尚无集团：请先导入 org_units，其中须有一行层级为集团（group）",
    ),
    "several_groups": (
        "org_units holds several groups ({codes}); name one with --group",
        "org_units 中有多个集团（{codes}），请用 --group 指定",
    ),
    "too_many_refused": (
        "{name}: {percent}% of the rows would be refused ({rejected} of {read}), more than"
        " {most}%; nothing of this file or of those after it has been written. The refusals are in"
        " {path}",
        "{name}：{percent}% 的行将被拒绝（{read} 行中的 {rejected} 行），超过 {most}%；"
        "该文件及其后的文件均未写入。拒绝明细见 {path}",
    ),
    "defect": (
        "the import stopped on a defect of the product ({kind}); nothing of the file that was"
        " loading has been written, and the run can be repeated",
        "导入因程序缺陷中断（{kind}）；正在导入的文件未写入任何内容，可以重新运行",
    ),
    "one_file": (
        "a mapping profile reads one file at a time; chosen: {names}",
        "映射方案一次只能读取一个文件；已选：{names}",
    ),
    "waiting": (
        "waiting: another import of this group is running; this one starts when it has ended",
        "等待中：本集团的另一个导入正在进行，结束后自动开始",
    ),
    "died": (
        "the run was interrupted; what it had loaded stays, and the same files can be loaded again",
        "导入被中断；已载入的内容保留，可重新导入相同的文件",
    ),
    "too_big": ("{name} is larger than {most} MB", "{name} 超过 {most} MB"),
}
WARNINGS = {
    "unknown_columns": (
        "columns not in the format are ignored: {names}",
        "以下列不在格式之内，已忽略：{names}",
    ),
    "unknown_files": (
        "files not in the format are ignored: {names}",
        "以下文件不在格式之内，已忽略：{names}",
    ),
    "vehicle_of_another": (
        "{count} vehicles bear another plate at a store whose ownership is newer or known longer;"
        " that one was kept, and only what was empty was filled in",
        "{count} 辆车在持有关系更新（或更早登记）的门店有另一车牌：保留该店的信息，仅补充空白项",
    ),
    "vin_check_digit": (
        "{count} VINs have a check digit that does not fit (usual for European cars)",
        "{count} 个车架号的校验位不符（欧洲车型常见）",
    ),
    "no_vat_policy": (
        "{count} rows of stores without a VAT policy were taken as including 13% VAT: {names}",
        "{count} 行所属门店没有增值税政策，按含 13% 增值税处理：{names}",
    ),
    "withheld": (
        "{count} rows belong to people whose data were erased or have expired: what names them"
        " was not loaded",
        "{count} 行属于个人信息已删除或已过期的客户，其中的个人信息未载入",
    ),
    "amounts_differ": (
        "in {count} rows labour + parts − discount differs from what was paid by more than 1 yuan"
        " and 1%",
        "{count} 行的工时费 + 配件费 − 折扣与支付合计相差超过 1 元且超过 1%",
    ),
    "pay_assumed_customer": (
        "in {count} rows no payer is named: labour + parts − discount was taken as customer-pay",
        "{count} 行没有付款方：工时费 + 配件费 − 折扣按自费处理",
    ),
    "unknown_advisor": (
        "in {count} rows the advisor is not in staff; the name is kept",
        "{count} 行的服务顾问不在员工表中，仅保留姓名",
    ),
    "merged": (
        "{count} customer numbers were merged on strong evidence",
        "根据强证据合并了 {count} 个客户编号",
    ),
}
TEXTS: dict[str, tuple[str, str]] = CELLS | ROWS | FILES | WARNINGS
