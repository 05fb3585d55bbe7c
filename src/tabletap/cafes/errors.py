"""What cafes, tables and menus turn down."""

from tabletap.kernel.errors import Kind, Refusal


class CafeNotFound(Refusal):
    """There is no cafe with that id."""

    code, kind = "cafe_not_found", Kind.NOT_FOUND


class TableNotFound(Refusal):
    """There is no table with that id at this cafe."""

    code, kind = "table_not_found", Kind.NOT_FOUND


class TableCodeUnknown(Refusal):
    """No table has that code; scan the code on the table again."""

    code, kind = "table_code_unknown", Kind.NOT_FOUND


class TableNumberTaken(Refusal):
    """Another table of this cafe has that number."""

    code = "table_number_taken"


class MenuItemNotFound(Refusal):
    """There is no menu item with that id at this cafe."""

    code, kind = "menu_item_not_found", Kind.NOT_FOUND


class SettingsRefused(Refusal):
    """These settings do not fit together."""

    code = "cafe_settings_invalid"


class CurrencyFixed(Refusal):
    """Amounts are on record in this cafe's currency, so it cannot be another one any more."""

    code = "currency_fixed"


class MenuFileRefused(Refusal):
    """The menu file has mistakes; nothing of it was taken over."""

    code = "menu_file_invalid"
